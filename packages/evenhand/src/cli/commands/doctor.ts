import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, cpus, freemem, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decode, libraryVersions, load } from '@evenhand/predict';
import { version } from '../../version.js';
import type { Command } from '../command.js';
import { expectPositionals, type Flag, parseFlags } from '../options/flags.js';
import { exitCodes } from '../output/errors.js';
import { json } from '../output/files.js';
import { wrap } from '../output/text.js';

const flags: readonly Flag[] = [{ name: 'json', boolean: true, doc: 'print what was found as JSON' }];

/** One thing that was looked at. */
interface Finding {
  readonly name: string;
  /** What was found, in a few words. */
  readonly found: string;
  /** What is wrong with it and what to do, a sentence. */
  readonly problem?: string;
  /** Nothing wrong, but worth knowing. */
  readonly note?: string;
}

export const doctor: Command = {
  name: 'doctor',
  usage: ['doctor [OPTIONS]'],
  about: [
    'Says what evenhand stands on here, whether it works, and what to do where it does not: libtorch, devices, threads, ' +
      'ONNX Runtime, sharp, memory, the cache. It exits with 1 where something is wrong.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('doctor', args, flags);
    expectPositionals('doctor', parsed, []);
    const findings: Finding[] = [];
    for (const look of [program, machine, libtorch, onnxRuntime, sharpLibrary, together, cache])
      findings.push(await look());
    if (parsed.flags.get('json') === 'true') process.stdout.write(json(findings));
    else console.log(describe(findings));
    return findings.some(({ problem }) => problem !== undefined) ? exitCodes.failure : exitCodes.done;
  },
};

function describe(findings: readonly Finding[]): string {
  const lines = findings.flatMap(({ name, found, problem, note }) => [
    wrap(found, { indent: 16, begun: `${problem === undefined ? '  ' : '! '}${name}` }),
    ...[problem, note].filter((text) => text !== undefined).map((text) => wrap(text, { indent: 16 })),
  ]);
  const wrong = findings.filter(({ problem }) => problem !== undefined).length;
  const verdict = wrong === 0 ? 'All is well.' : `${wrong} of ${findings.length} need attention, marked with !.`;
  return `${lines.join('\n')}\n\n${verdict}`;
}

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!;

function program(): Finding {
  const found = `${version()} on Node.js ${process.versions.node}, ${process.platform} ${process.arch}`;
  return { name: 'evenhand', found };
}

function machine(): Finding {
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

async function libtorch(): Promise<Finding> {
  const name = 'libtorch';
  try {
    const { devices, ops, scope, tensor, torchVersion } = await import('@evenhand/torch');
    const four = scope(() => ops.matmul(tensor([[1, 1]]), tensor([[2], [2]])).item());
    if (four !== 4)
      return { name, found: torchVersion(), problem: `It computes 1 * 2 + 1 * 2 = ${four}: install another libtorch.` };
    const waiting = process.env.OMP_WAIT_POLICY ?? 'not set';
    return {
      name,
      found: `${torchVersion()}${buildPlace()}; devices ${devices().join(', ')}`,
      ...(waiting.toUpperCase() === 'PASSIVE'
        ? { note: 'OMP_WAIT_POLICY is PASSIVE: right where other programs want the cores, slower where none does.' }
        : {}),
    };
  } catch (error) {
    return { name, found: 'not usable', problem: messageOf(error) };
  }
}

/** The folder of the libtorch that the addon was built against, where set-up has noted it. */
function buildPlace(): string {
  try {
    const note = fileURLToPath(new URL('../build/libtorch.json', import.meta.resolve('@evenhand/torch')));
    const { path, source } = JSON.parse(readFileSync(note, 'utf8')) as { path: string; source: string };
    return ` (${source}, ${path})`;
  } catch {
    return '';
  }
}

async function onnxRuntime(): Promise<Finding> {
  const name = 'ONNX Runtime';
  try {
    const { onnxruntime } = await libraryVersions();
    return { name, found: `${onnxruntime}, to predict` };
  } catch (error) {
    const problem = `${messageOf(error)}; install it again: npm install onnxruntime-node.`;
    return { name, found: 'not usable', problem };
  }
}

/** The smallest JPEG that is one: a grey pixel. */
const PIXEL =
  '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AN//Z';

async function sharpLibrary(): Promise<Finding> {
  const name = 'sharp';
  try {
    const { sharp, libvips } = await libraryVersions();
    const found = `${sharp} with libvips ${libvips}, to decode images`;
    const { width, height } = await decode(Buffer.from(PIXEL, 'base64'), 'the test image');
    if (width === 1 && height === 1) return { name, found };
    return { name, found, problem: 'It does not decode a test image: npm install sharp again.' };
  } catch (error) {
    return { name, found: 'not usable', problem: `${messageOf(error)}; install it again: npm install sharp.` };
  }
}

/** A model through all of it: built in libtorch, exported, run by ONNX Runtime, both asked about the same image. */
async function together(): Promise<Finding> {
  const name = 'a model';
  const folder = mkdtempSync(join(tmpdir(), 'evenhand-doctor-'));
  try {
    const { nn, saveTensors } = await import('@evenhand/torch');
    const { createModel } = await import('../../models/index.js');
    const { exportWeights } = await import('../../workflows/index.js');
    const weights = join(folder, 'weights.safetensors');
    const made = createModel('mobilenet_v2', { numClasses: 2, seed: 0 });
    saveTensors(weights, nn.stateDict(made));
    nn.disposeModule(made);
    const out = join(folder, 'model.onnx');
    exportWeights({ model: 'mobilenet_v2', weights, labels: ['a', 'b'], imageSize: 32, out });
    const model = await load(out);
    const { probabilities } = await model.predict(Buffer.from(PIXEL, 'base64'));
    await model.close();
    const sum = probabilities.reduce((total, p) => total + p, 0);
    if (Math.abs(sum - 1) > 1e-9) throw new Error(`its probabilities sum to ${sum}`);
    return { name, found: `was built, exported and asked about an image, on ${model.device}` };
  } catch (error) {
    return { name, found: 'cannot be built, exported and asked', problem: messageOf(error) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function cache(): Promise<Finding> {
  const name = 'cache';
  const { cacheFolder } = await import('../../models/index.js').catch(() => ({ cacheFolder: undefined }));
  if (cacheFolder === undefined) return { name, found: 'not looked at, as libtorch is not usable' };
  const folder = cacheFolder();
  // It is made when it is needed: what must be writable is the nearest folder that exists.
  let place = folder;
  while (!existsSync(place)) place = dirname(place);
  try {
    accessSync(place, constants.W_OK);
    if (!statSync(place).isDirectory()) throw new Error('it is no folder');
    const mirror = process.env.EVENHAND_WEIGHTS_MIRROR;
    return { name, found: folder, ...(mirror ? { note: `Weights come from EVENHAND_WEIGHTS_MIRROR: ${mirror}` } : {}) };
  } catch {
    const problem = `${place} may not be written: set EVENHAND_CACHE to a folder for downloaded weights.`;
    return { name, found: folder, problem };
  }
}
