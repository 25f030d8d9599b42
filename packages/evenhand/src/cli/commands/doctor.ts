import { accessSync, constants, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, cpus, freemem, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { decode, libraryVersions, load } from '@evenhand/predict';
import {
  cacheFolder,
  describeNeed,
  findAddon,
  findCompiler,
  hasNvidiaDriver,
  readList,
  readNote,
  setupCommand,
} from '@evenhand/torch/setup';
import { plural } from '../../format.js';
import { version } from '../../version.js';
import type { Command } from '../command.js';
import { expectPositionals, type Flag, parseFlags } from '../options/flags.js';
import { exitCodes } from '../output/errors.js';
import { json } from '../output/files.js';
import { wrap } from '../output/text.js';

const flags: readonly Flag[] = [{ name: 'json', boolean: true, doc: 'print the findings as JSON' }];

/** The result of one check. */
interface Finding {
  readonly name: string;
  /** The version or state, in a few words. */
  readonly found: string;
  /** What is wrong and how to fix it, one sentence. */
  readonly problem?: string;
  /** Worth knowing, though nothing is wrong. */
  readonly note?: string;
}

export const doctor: Command = {
  name: 'doctor',
  usage: ['doctor [OPTIONS]'],
  about: [
    'Checks the installation and says how to fix what does not work: libtorch, GPU, threads, ONNX Runtime, sharp, ' +
      'memory, and the caches. Exits with 1 if there is a problem.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('doctor', args, flags);
    expectPositionals('doctor', parsed, []);
    const findings: Finding[] = [];
    for (const check of [
      checkProgram,
      checkMachine,
      checkLibtorch,
      checkAddon,
      checkGpu,
      checkDistributed,
      checkOnnxRuntime,
      checkSharp,
      checkModel,
      checkCache,
      checkHub,
    ])
      findings.push(await check());
    if (parsed.flags.get('json') === 'true') process.stdout.write(json(findings));
    else console.log(describe(findings));
    return findings.some(({ problem }) => problem !== undefined) ? exitCodes.failure : exitCodes.done;
  },
};

function describe(findings: readonly Finding[]): string {
  const lines = findings.flatMap(({ name, found, problem, note }) => [
    wrap(found, { indent: 16, prefix: `${problem === undefined ? '  ' : '! '}${name}` }),
    ...[problem, note].filter((text) => text !== undefined).map((text) => wrap(text, { indent: 16 })),
  ]);
  const wrong = findings.filter(({ problem }) => problem !== undefined).length;
  const verdict = wrong === 0 ? 'No problems found.' : `${plural(wrong, 'problem')} found, marked with !.`;
  return `${lines.join('\n')}\n\n${verdict}`;
}

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!;

function checkProgram(): Finding {
  const found = `${version()} on Node.js ${process.versions.node}, ${process.platform} ${process.arch}`;
  return { name: 'evenhand', found };
}

function checkMachine(): Finding {
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(0)} GB`;
  const found =
    `${availableParallelism()} threads of ${cpus()[0]?.model.trim() ?? 'an unknown processor'}, ` +
    `${gigabytes(totalmem())} of memory, ${gigabytes(freemem())} of it free`;
  return {
    name: 'machine',
    found,
    ...(freemem() < 1.5e9 ? { note: 'Training a small network takes 1.5 to 3 GB.' } : {}),
  };
}

/** What a check that needs libtorch says if there is none: the reason is with libtorch. */
const UNCHECKED = 'not checked, because libtorch is not usable';

const hasAddon = (): boolean => findAddon() !== undefined;

async function checkLibtorch(): Promise<Finding> {
  const name = 'libtorch';
  if (!hasAddon()) {
    const problem = `Training needs it: ${setupCommand()} (${describeNeed()}). Prediction works without it.`;
    return { name, found: 'not set up', problem };
  }
  try {
    const { devices, ops, scope, tensor, torchVersion } = await import('@evenhand/torch');
    const four = scope(() => ops.matmul(tensor([[1, 1]]), tensor([[2], [2]])).item());
    if (four !== 4)
      return {
        name,
        found: torchVersion(),
        problem: `It computes 1 * 2 + 1 * 2 = ${four}: install another version of libtorch and run ${setupCommand()}.`,
      };
    const waiting = process.env.OMP_WAIT_POLICY ?? 'not set';
    const notes = [
      waiting.toUpperCase() === 'PASSIVE' &&
        'OMP_WAIT_POLICY is PASSIVE: faster if other programs use the cores, slower otherwise.',
      hasNvidiaDriver() &&
        !devices().some((device) => device.startsWith('cuda')) &&
        'There is an NVIDIA driver, but this libtorch has no CUDA: npx evenhand setup --cuda.',
    ].filter((note) => note !== false);
    return {
      name,
      found: `${torchVersion()}${describeBuild()}; devices ${devices().join(', ')}`,
      ...(notes.length > 0 ? { note: notes.join(' ') } : {}),
    };
  } catch (error) {
    return { name, found: 'not usable', problem: messageOf(error) };
  }
}

/** The addon: where it is, and what could make another one. */
function checkAddon(): Finding {
  const prebuilt = readList()?.addons.map(({ libtorch, variant }) => `libtorch ${libtorch} for ${variant}`);
  const sources = [
    prebuilt === undefined ? 'no prebuilt addon' : `prebuilt for ${prebuilt.join(', ')}`,
    findCompiler() ?? 'no C++ compiler',
  ].join(', ');
  const addon = findAddon();
  return { name: 'addon', found: addon === undefined ? `none; ${sources}` : `${addon}; ${sources}` };
}

/** The first GPU of libtorch, what is known of it, and what training computes in. */
async function checkGpu(): Promise<Finding> {
  const name = 'GPU';
  if (!hasAddon()) return { name, found: UNCHECKED };
  try {
    const { devices, gpuInfo, hasCudaGraphs } = await import('@evenhand/torch');
    const { chooseHalfType } = await import('../../train/index.js');
    const gpu = devices().find((device) => device.startsWith('cuda'));
    if (gpu === undefined) return { name, found: 'none that this libtorch can use' };
    const { name: model, memoryMB, driver, cuda } = gpuInfo(gpu)!;
    const facts = [
      model ?? 'of an unknown model',
      memoryMB && `${(memoryMB / 1000).toFixed(0)} GB`,
      driver && `driver ${driver}`,
      cuda && `CUDA ${cuda}`,
      `training in ${chooseHalfType({ autocast: 'auto' }, gpu)}`,
      hasCudaGraphs() ? 'with CUDA graphs' : 'without CUDA graphs',
    ];
    return { name, found: facts.filter(Boolean).join(', ') };
  } catch (error) {
    return { name, found: UNCHECKED, note: messageOf(error) };
  }
}

/** What processes on one or more machines can work together with. */
async function checkDistributed(): Promise<Finding> {
  const name = 'distributed';
  if (!hasAddon()) return { name, found: UNCHECKED };
  try {
    const { devices, distributed } = await import('@evenhand/torch');
    const { gloo, nccl } = distributed.available();
    const gpu = devices().some((device) => device.startsWith('cuda'));
    if (!gloo) return { name, found: 'not available: this libtorch was built without Gloo' };
    if (nccl || !gpu) return { name, found: nccl ? 'Gloo for CPUs, NCCL for GPUs' : 'Gloo' };
    const note = 'GPUs would use Gloo, which is slower: install the headers of CUDA and NCCL, then run setup again.';
    return { name, found: 'Gloo, without NCCL', note };
  } catch (error) {
    return { name, found: UNCHECKED, note: messageOf(error) };
  }
}

/** Source and folder of the libtorch that the addon was built against, if set-up has recorded them. */
function describeBuild(): string {
  const addon = findAddon();
  const note = addon === undefined ? undefined : readNote(addon);
  return note === undefined ? '' : ` (${note.source}, ${note.path})`;
}

async function checkOnnxRuntime(): Promise<Finding> {
  const name = 'ONNX Runtime';
  try {
    const { onnxruntime, onnxruntimePackage } = await libraryVersions();
    return { name, found: `${onnxruntime} of ${onnxruntimePackage}, for prediction` };
  } catch (error) {
    const problem = `${messageOf(error)}. Install again, without --omit=optional, on this platform.`;
    return { name, found: 'not usable', problem };
  }
}

/** The smallest valid JPEG: one grey pixel. */
const PIXEL =
  '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AN//Z';

async function checkSharp(): Promise<Finding> {
  const name = 'sharp';
  try {
    const { sharp, libvips } = await libraryVersions();
    const found = `${sharp} with libvips ${libvips}, for decoding images`;
    const { width, height } = await decode(Buffer.from(PIXEL, 'base64'), 'the test image');
    if (width === 1 && height === 1) return { name, found };
    return { name, found, problem: 'It does not decode a test image; install it again: npm install sharp.' };
  } catch (error) {
    return { name, found: 'not usable', problem: `${messageOf(error)}; install it again: npm install sharp.` };
  }
}

/** Builds a model in libtorch, exports it, and classifies an image with ONNX Runtime. */
async function checkModel(): Promise<Finding> {
  const name = 'model';
  if (!hasAddon()) return { name, found: UNCHECKED };
  const folder = mkdtempSync(join(tmpdir(), 'evenhand-doctor-'));
  try {
    const { nn, saveTensors } = await import('@evenhand/torch');
    const { createModel } = await import('../../models/index.js');
    const { exportWeights } = await import('../../workflows/index.js');
    const weights = join(folder, 'weights.safetensors');
    const untrained = createModel('mobilenet_v2', { numClasses: 2, seed: 0 });
    saveTensors(weights, nn.stateDict(untrained));
    nn.disposeModule(untrained);
    const out = join(folder, 'model.onnx');
    await exportWeights({ model: 'mobilenet_v2', weights, labels: ['a', 'b'], imageSize: 32, out });
    const model = await load(out);
    const { probabilities } = await model.predict(Buffer.from(PIXEL, 'base64'));
    await model.close();
    const sum = probabilities.reduce((total, p) => total + p, 0);
    if (Math.abs(sum - 1) > 1e-9) throw new Error(`its probabilities sum to ${sum}`);
    return { name, found: `built, exported and run on an image on ${model.device}` };
  } catch (error) {
    return { name, found: 'cannot be built, exported and run', problem: messageOf(error) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function checkCache(): Finding {
  const name = 'cache';
  const folder = cacheFolder();
  const blocking = unwritable(folder);
  if (blocking !== undefined) {
    const problem = `${blocking} is not writable: set EVENHAND_CACHE to another folder for downloads.`;
    return { name, found: folder, problem };
  }
  const mirror = process.env.EVENHAND_WEIGHTS_MIRROR;
  const note = mirror && `Weights are read from EVENHAND_WEIGHTS_MIRROR: ${mirror}`;
  return { name, found: folder, ...(note ? { note } : {}) };
}

/** The cache that is shared with Python's huggingface_hub, and how the hub is used. */
async function checkHub(): Promise<Finding> {
  const name = 'hub cache';
  const models = await import('../../models/index.js');
  try {
    const { cache, endpoint, offline } = models.hubSettings();
    const notes = [
      // What is in it can be used.
      unwritable(cache) && 'It is not writable, so nothing can be downloaded there: see HF_HUB_CACHE.',
      offline && 'HF_HUB_OFFLINE is set: only weights that are there are used.',
      endpoint !== 'https://huggingface.co' && `Weights are downloaded from HF_ENDPOINT: ${endpoint}`,
      models.hubToken() && 'Downloads use your token.',
    ].filter((note) => typeof note === 'string');
    return { name, found: cache, ...(notes.length > 0 ? { note: notes.join(' ') } : {}) };
  } catch (error) {
    return { name, found: 'not usable', problem: messageOf(error) };
  }
}

/** What keeps a folder, which is created when needed, from being written: the nearest one that exists; undefined if nothing. */
function unwritable(folder: string): string | undefined {
  let existing = folder;
  while (!existsSync(existing)) existing = dirname(existing);
  try {
    accessSync(existing, constants.W_OK);
    return statSync(existing).isDirectory() ? undefined : existing;
  } catch {
    return existing;
  }
}
