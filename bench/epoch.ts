// npm run bench -- epoch: whole epochs from JPEG files, `evenhand train` and torchvision's DataLoader in turns.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { devices, gpuInfo, torchVersion } from '@evenhand/torch';
import { modelInfo, RunFolder } from 'evenhand';
import { findPython, keptMemoryEnv, measure, median, pythonEnv, table } from './contenders.js';
import { chooseDevice, exitWithUsage, oneOf, positive } from './options.js';
import { type Counts, linkPhotos } from './photos.js';
import { type StepSettings, stepContenders } from './step-contenders.js';

const USAGE = `Usage: npm run bench -- epoch [options]
  --model NAME,...           models of torchvision that evenhand has; default: mobilenet_v2,
                             on CUDA mobilenet_v2,efficientnet_b0,efficientnet_b3
  --device cpu|cuda          default: cuda if there is one
  --precision float32|bfloat16   bfloat16: autocast; default: float32, on CUDA bfloat16
  --images N                 training images; default: 256, on CUDA 4096
  --val N                    validation images; default: 48, on CUDA 640
  --epochs N                 of a training, at least 2; default: 3
  --batch N                  images of a batch; default: 32, on CUDA 128, and 64 above 256 px
  --size N                   height and width in pixels; default: that of the weights of each model
  --rounds N                 trainings of each program, in turns, each with an empty cache; default: 1
  --workers N                threads or processes that read images; default: one for each core
  --cache files|memory|off   evenhand's cache of decoded images, empty when a training begins; default: files
  --data PATH                images of this data set; default: drawn ones of 600 x 500 px
PYTHON=COMMAND names a Python with PyTorch and torchvision.`;

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const PROGRAM = here('../../packages/evenhand/bin/evenhand.js');

type Options = ReturnType<typeof options>;

/** The epoch of a training, as both programs report it. */
interface Epoch {
  /** Of training, without validation. */
  readonly imagesPerSecond: number;
  /** With validation. */
  readonly seconds: number;
}

interface Training {
  readonly epochs: readonly Epoch[];
  /** Of the whole command, with its start, the check of all images, checkpoints and the export. */
  readonly seconds: number;
}

interface Program {
  readonly name: string;
  train(round: number): Promise<Training>;
}

try {
  await main();
} catch (error) {
  exitWithUsage(error, USAGE);
}

async function main(): Promise<void> {
  const asked = options();
  const python = findPython(['torch', 'torchvision', 'PIL']);
  if (python === null) {
    console.log(
      'No Python with torch, torchvision and PIL was found (Debian: apt-get install python3-torchvision python3-pil): measuring evenhand only.',
    );
  }
  const folder = mkdtempSync(join(tmpdir(), 'evenhand-epoch-'));
  try {
    const { device, precision, rounds, workers, epochs, cache } = asked;
    const counts = await makeData(folder, asked);
    const machine = device === 'cpu' ? cpus()[0]?.model : gpuInfo(device)?.name;
    console.log(
      `${counts.train} training and ${counts.val} validation images${asked.data === undefined ? ', drawn' : ` of ${asked.data}`}; ` +
        `${epochs} epochs, ${precision}, libtorch ${torchVersion()}, ${machine}, ${availableParallelism()} cores, ` +
        `${workers} workers, cache ${cache}, ${rounds === 1 ? '1 round' : `${rounds} rounds in turns`}; images/s`,
    );
    const rows = [['', 'first epoch', 'later epochs', 'with validation', 'step alone', 'epoch / step', 'command']];
    for (const model of asked.models) rows.push(...(await measureModel(folder, asked, counts, model, python)));
    console.log(table(rows));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function makeData(folder: string, { data, images, val }: Options): Promise<Counts> {
  const counts = { train: images, val };
  if (data !== undefined) return linkPhotos(folder, data, counts);
  const args = [here('photos.js'), folder, String(images), String(val)];
  await run('The drawing of photos', process.execPath, args, { UV_THREADPOOL_SIZE: String(availableParallelism()) });
  return counts;
}

/** The rows of a model: its title, a row per program, and the ratio. */
async function measureModel(
  folder: string,
  { device, precision, rounds, epochs, workers, cache, ...asked }: Options,
  counts: Counts,
  model: string,
  python: string | null,
): Promise<string[][]> {
  const { preset } = modelInfo(model);
  const size = asked.size ?? preset.crop;
  const resize = Math.round((size * preset.resize) / preset.crop);
  const batch = asked.batch ?? (device === 'cpu' ? 32 : size > 256 ? 64 : 128);
  if (batch > counts.train) throw new Error(`--images must be at least the batch size, ${batch}, got ${counts.train}`);
  const setup: Setup = { data: folder, model, device, precision, batch, size, resize, epochs, workers, cache };
  const programs = [evenhand(setup), ...(python === null ? [] : [pytorch(setup, python)])];
  const trainings: Training[][] = programs.map(() => []);
  for (let round = 1; round <= rounds; round++) {
    for (const [i, program] of programs.entries()) {
      const training = await program.train(round);
      trainings[i]!.push(training);
      // A run that is cut short has shown what it measured.
      const rates = training.epochs.map(({ imagesPerSecond }) => imagesPerSecond.toFixed(1)).join(', ');
      process.stderr.write(`${model}, round ${round} of ${rounds}: ${program.name}: ${rates} images/s in each epoch\n`);
    }
  }
  const cpu = device === 'cpu';
  const step: StepSettings = {
    model,
    device,
    precision,
    batch,
    size,
    steps: cpu ? 2 : 20,
    threads: availableParallelism(),
  };
  // evenhand's step, and PyTorch's tuned one.
  const alone = await measure(stepContenders(step, python, []).slice(0, programs.length), 2);
  const speeds = programs.map((_, i) => {
    const all = trainings[i]!;
    const later = all.flatMap(({ epochs }) => epochs.slice(1));
    const images = Math.floor(counts.train / batch) * batch + counts.val;
    return [
      median(all.map(({ epochs }) => epochs[0]!.imagesPerSecond)),
      median(later.map(({ imagesPerSecond }) => imagesPerSecond)),
      median(later.map(({ seconds }) => images / seconds)),
      alone[i]?.imagesPerSecond ?? Number.NaN,
    ] as const;
  });
  const rows = programs.map(({ name }, i) => {
    const [, later, , step] = speeds[i]!;
    const command = median(trainings[i]!.map(({ seconds }) => seconds));
    return [
      `  ${name}`,
      ...speeds[i]!.map((each) => each.toFixed(1)),
      (later / step).toFixed(2),
      `${command.toFixed(1)} s`,
    ];
  });
  const [ours, theirs] = speeds;
  const ratios = theirs ? [["  evenhand's speedup", ...ours!.map((each, i) => (each / theirs[i]!).toFixed(2))]] : [];
  return [[`${model}, ${size} px, batch ${batch}`], ...rows, ...ratios];
}

interface Setup {
  readonly data: string;
  readonly model: string;
  readonly device: string;
  readonly precision: 'float32' | 'bfloat16';
  readonly batch: number;
  readonly size: number;
  readonly resize: number;
  readonly epochs: number;
  readonly workers: number;
  readonly cache: 'files' | 'memory' | 'off';
}

/** The crops, flips, jitter and rotation of the recipe `fast`, at one image size and without weights. */
function evenhand({ data, model, device, precision, batch, size, epochs, workers, cache }: Setup): Program {
  const settings = {
    ...{ recipe: 'fast', model, weights: 'none', device, autocast: precision === 'bfloat16' },
    ...{ 'image-size': size, 'start-size': 0, 'head-epochs': 0, epochs, 'batch-size': batch, workers },
    ...{ balance: 'none', keep: 'best' },
  };
  const flags = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  return {
    name: 'evenhand',
    async train() {
      const folder = mkdtempSync(join(data, `${model}-`));
      const path = join(folder, 'run');
      const folders = [`--run=${path}`, `--cache=${cache === 'files' ? join(folder, 'cache') : cache}`];
      const args = [PROGRAM, 'train', data, ...folders, ...flags];
      try {
        const { seconds } = await run('evenhand train', process.execPath, args);
        return { epochs: RunFolder.open(path).readEpochs(), seconds };
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

function pytorch({ cache: _, ...setup }: Setup, python: string): Program {
  const env = { ...pythonEnv, ...(setup.device === 'cpu' ? keptMemoryEnv : {}) };
  const args = [here('../epoch-pytorch.py'), JSON.stringify({ ...setup, threads: availableParallelism() })];
  return {
    name: `PyTorch, DataLoader, channels_last${setup.device === 'cpu' ? ', memory kept' : ''}`,
    async train() {
      const { output, seconds } = await run('PyTorch', python, args, env);
      const lines = output.split('\n').filter((line) => line.startsWith('{'));
      return { epochs: lines.map((line) => JSON.parse(line) as Epoch), seconds };
    },
  };
}

/** @throws Error with the end of its output if the command fails */
async function run(
  name: string,
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ output: string; seconds: number }> {
  const begin = performance.now();
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0) throw new Error(`${name} ended with exit code ${code}:\n${output.slice(-2000)}`);
  return { output, seconds: (performance.now() - begin) / 1000 };
}

function options() {
  const { values } = parseArgs({
    options: {
      model: { type: 'string' },
      device: { type: 'string', default: devices().some((name) => name.startsWith('cuda')) ? 'cuda' : 'cpu' },
      precision: { type: 'string' },
      images: { type: 'string' },
      val: { type: 'string' },
      epochs: { type: 'string', default: '3' },
      batch: { type: 'string' },
      size: { type: 'string' },
      rounds: { type: 'string', default: '1' },
      workers: { type: 'string', default: String(availableParallelism()) },
      cache: { type: 'string', default: 'files' },
      data: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit();
  }
  const device = chooseDevice(values.device, devices());
  const cpu = device === 'cpu';
  return {
    models: (values.model ?? (cpu ? 'mobilenet_v2' : 'mobilenet_v2,efficientnet_b0,efficientnet_b3')).split(','),
    device,
    precision: oneOf('precision', values.precision ?? (cpu ? 'float32' : 'bfloat16'), ['float32', 'bfloat16']),
    images: positive('images', values.images ?? (cpu ? '256' : '4096')),
    val: positive('val', values.val ?? (cpu ? '48' : '640')),
    epochs: positive('epochs', values.epochs),
    batch: values.batch === undefined ? undefined : positive('batch', values.batch),
    size: values.size === undefined ? undefined : positive('size', values.size),
    rounds: positive('rounds', values.rounds),
    workers: positive('workers', values.workers),
    cache: oneOf('cache', values.cache, ['files', 'memory', 'off']),
    data: values.data,
  };
}
