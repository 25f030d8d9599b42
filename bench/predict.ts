// npm run bench -- predict: from JPEG files to a CSV, EfficientNet-B3 at 300 px with flip TTA, evenhand and PyTorch in turns.
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exportWeights, modelInfo } from 'evenhand';
import sharp from 'sharp';
import { findPython, keptMemoryEnv, median, pythonEnv } from './contenders.js';
import { writeRandomWeights } from './random-weights.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM = join(ROOT, 'packages/evenhand/bin/evenhand.js');
const FLOWERS = join(ROOT, '../shared/data/flowers/train/images');
const PEER = join(ROOT, '../shared/peer/predict.py');
const MODEL = process.env.MODEL ?? 'efficientnet_b3';
const PHOTOS = Number(process.env.PHOTOS ?? 96);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
/** Number of test photos of the competition, and its time limit. */
const COMPETITION = { photos: 6149, seconds: 600 };

interface Turn {
  /** As reported by the program, from the loaded model to the written CSV. */
  readonly imagesPerSecond: number;
  /** Duration of the whole command, including start-up. */
  readonly seconds: number;
  /** Peak memory of all its processes together. */
  readonly peakMB: number;
}

interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Its CSV with predictions. */
  readonly predictions: string;
}

const folder = mkdtempSync(join(tmpdir(), 'evenhand-bench-'));
try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const { crop, resize } = modelInfo(MODEL).preset;
  const real = existsSync(FLOWERS);
  mkdirSync(join(folder, 'photos'));
  if (real) {
    for (const name of readdirSync(FLOWERS).slice(0, PHOTOS))
      symlinkSync(join(FLOWERS, name), join(folder, 'photos', name));
  } else await drawPhotos();
  const labels = Array.from({ length: 102 }, (_, i) => String(i + 1));
  writeFileSync(join(folder, 'labels.txt'), `${labels.join('\n')}\n`);
  const weights = join(folder, 'weights.safetensors');
  writeRandomWeights(weights, MODEL, crop);
  // Bilinear like the peer, so that predictions can be compared.
  const preset = { ...modelInfo(MODEL).preset, interpolation: 'bilinear' as const };
  await exportWeights({ model: MODEL, weights, labels, preset, out: join(folder, 'model.onnx') });

  const contenders: Contender[] = [
    {
      name: 'evenhand predict',
      command: [process.execPath, PROGRAM, 'predict', 'model.onnx', 'photos', '--tta', 'flip', '--out', 'ours.csv'],
      predictions: 'ours.csv',
    },
  ];
  const python = findPython(['torch', 'torchvision', 'numpy']);
  if (python !== null && existsSync(PEER)) {
    const made = spawnSync(python, [join(ROOT, 'tools/safetensors_to_pth.py'), weights, join(folder, 'weights.pth')]);
    if (made.status !== 0) throw new Error(made.stderr.toString());
    const peer = (predictions: string, ...more: string[]) => [
      ...[python, PEER, '--images', 'photos', '--labels', 'labels.txt', '--model', MODEL, '--weights', 'weights.pth'],
      ...['--size', String(crop), '--resize', String(resize), '--out', predictions, ...more],
    ];
    contenders.push(
      { name: 'PyTorch as usually written', command: peer('usual.csv'), env: pythonEnv, predictions: 'usual.csv' },
      { name: 'PyTorch channels_last', command: peer('fast.csv', '--fast'), env: pythonEnv, predictions: 'fast.csv' },
      {
        name: 'PyTorch channels_last, freed memory kept',
        command: peer('kept.csv', '--fast'),
        env: { ...pythonEnv, ...keptMemoryEnv },
        predictions: 'kept.csv',
      },
    );
  } else console.log('No Python with torch and torchvision, or no ../shared/peer/predict.py: measuring evenhand only.');

  console.log(
    `${MODEL}, ${crop} px, flip TTA, ${PHOTOS} ${real ? 'real' : 'drawn'} photos from JPEG to CSV, ` +
      `${availableParallelism()} cores, ${cpus()[0]?.model}, ${ROUNDS} rounds in turns`,
  );
  const turns: Turn[][] = contenders.map(() => []);
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [i, contender] of contenders.entries()) turns[i]!.push(await run(contender));
    process.stderr.write(`round ${round} of ${ROUNDS}\n`);
  }
  show(contenders, turns);
}

async function drawPhotos(): Promise<void> {
  for (let i = 0; i < PHOTOS; i++) {
    const noise = { type: 'gaussian' as const, mean: 80 + ((i * 37) % 100), sigma: 40 };
    await sharp({ create: { width: 667, height: 500, channels: 3, background: '#888', noise } })
      .blur(2)
      .jpeg()
      .toFile(join(folder, 'photos', `${i}.jpg`));
  }
}

/** Runs a command and measures the memory of all its processes together. */
async function run({ name, command, env }: Contender): Promise<Turn> {
  const begin = performance.now();
  const child = spawn(command[0]!, command.slice(1), {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  let peakMB = 0;
  const watch = setInterval(() => {
    peakMB = Math.max(peakMB, memoryOf(child.pid!));
  }, 200);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(watch);
  // Both programs measure from the loaded model to the written CSV.
  const rate = /([\d.]+) img\/s/.exec(output)?.[1];
  if (code !== 0 || rate === undefined) throw new Error(`${name} failed: ${output}`);
  return { imagesPerSecond: Number(rate), seconds: (performance.now() - begin) / 1000, peakMB };
}

/** Memory of a process and its children in MB, with shared memory counted once. 0 if the system does not report it. */
function memoryOf(pid: number): number {
  try {
    const kB = /^Pss: +(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' '),
    );
    return children
      .filter((each) => each !== '')
      .reduce((sum, each) => sum + memoryOf(Number(each)), Number(kB ?? 0) / 1024);
  } catch {
    return 0;
  }
}

function show(contenders: readonly Contender[], turns: readonly Turn[][]): void {
  const rates = turns.map((each) => median(each.map(({ imagesPerSecond }) => imagesPerSecond)));
  const width = Math.max(...contenders.map(({ name }) => name.length));
  console.log(`${''.padEnd(width)}  images/s   slowest, fastest  whole command  peak MB`);
  for (const [i, { name }] of contenders.entries()) {
    const speeds = turns[i]!.map(({ imagesPerSecond }) => imagesPerSecond);
    const cells = [
      name.padEnd(width),
      rates[i]!.toFixed(1).padStart(8),
      `${Math.min(...speeds)
        .toFixed(1)
        .padStart(7)} to ${Math.max(...speeds)
        .toFixed(1)
        .padEnd(7)}`,
      `${median(turns[i]!.map(({ seconds }) => seconds)).toFixed(1)} s`.padStart(13),
      Math.max(...turns[i]!.map(({ peakMB }) => peakMB))
        .toFixed(0)
        .padStart(7),
    ];
    console.log(cells.join('  '));
  }
  console.log('');
  const ours = readPredictions(contenders[0]!.predictions);
  for (const [i, { name, predictions }] of contenders.entries()) {
    if (i === 0) continue;
    const theirs = readPredictions(predictions);
    const same = [...theirs].filter(([file, label]) => ours.get(file) === label).length / theirs.size;
    console.log(
      `evenhand / ${name}: ${(rates[0]! / rates[i]!).toFixed(2)}; the same prediction for ${(same * 100).toFixed(1)} %`,
    );
  }
  const { photos, seconds } = COMPETITION;
  const needed = photos / rates[0]!;
  console.log(
    `evenhand needs about ${(needed / 60).toFixed(1)} minutes for ${photos.toLocaleString('en')} photos with flip TTA: ` +
      `${needed < seconds ? 'within' : 'more than'} the competition's ten`,
  );
}

function readPredictions(file: string): Map<string, string> {
  const rows = readFileSync(join(folder, file), 'utf8').trim().split(/\r?\n/).slice(1);
  return new Map(rows.map((row) => row.split(',') as [string, string]).map(([name, label]) => [basename(name), label]));
}
