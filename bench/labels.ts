// npm run bench -- labels: finding label errors and training with them, on Herbarium with injected errors and on flowers.
//
// Every score is on labels that no training has seen. Each run on the flowers that is requested reads `devtest` once:
// FLOWERS=head twice (plain and robust), FLOWERS=full twice more.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { herbariumSpecies, writeHerbarium } from '@evenhand/herbarium';
import { type Evaluation, evaluate } from 'evenhand';
import { csvRows, evenhand, SHARED, spread } from './evenhand.js';

const SEEDS = Number(process.env.SEEDS ?? 3);
/** Epochs of phase 2 on Herbarium; 0 compares heads on frozen features. */
const EPOCHS = process.env.EPOCHS ?? '0';
const FLOWERS = (process.env.FLOWERS ?? '').split(',');
const CONDITIONS = [
  { kind: 'uniform', noise: 0 },
  { kind: 'uniform', noise: 0.2 },
  { kind: 'uniform', noise: 0.4 },
  { kind: 'uniform', noise: 0.6 },
  { kind: 'pairs', noise: 0.2 },
  { kind: 'pairs', noise: 0.4 },
] as const;
/** 50 validation photos of 37 species are too few to select an epoch, as `evenhand check` reports. */
const LAST = ['--head-epochs', '1', '--epochs', '5', '--keep', 'last', '--patience', '0'];
/** Share of the classes, those with the fewest training images, whose mean F1 is the F1 of rare classes. */
const RARE_SHARE = 1 / 3;
const TRAINING = ['--head-epochs', '1', '--epochs', EPOCHS, '--patience', '0', '--balance', 'balanced-softmax'];
const MINI = ['--model', 'efficientnet_mini', '--image-size', '192'];
const MINI_RATES = [
  '--recipe',
  'fast',
  '--start-size',
  '0',
  '--backbone-rate',
  '6e-4',
  '--head-rate',
  '2e-3',
  '--on-bad-image',
  'skip',
];

interface Row {
  readonly plain: Score;
  readonly robust: Score;
  readonly precision: number;
  readonly rate: number;
  readonly truth: number;
  readonly falseAlarms: number;
}

interface Score {
  readonly macroF1: number;
  readonly rareF1: number;
  readonly seconds: number;
}

const folder = process.env.FOLDER ?? mkdtempSync(join(tmpdir(), 'evenhand-labels-'));
mkdirSync(folder, { recursive: true });
try {
  await main();
} finally {
  if (process.env.FOLDER === undefined) rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const cores = `${availableParallelism()} cores, ${cpus()[0]?.model}`;
  console.log(
    `${cores}; Herbarium: ${SEEDS} seeds, efficientnet_mini at 192 px, 1 epoch of phase 1, ${EPOCHS} of phase 2`,
  );
  if (SEEDS > 0) await herbarium();
  if (!existsSync(join(SHARED, 'flowers'))) console.log('No ../shared/data/flowers: measuring on Herbarium only.');
  else {
    if (FLOWERS.includes('head')) await flowers('frozen features', 'head', ['--epochs', '0']);
    if (FLOWERS.includes('full')) await flowers('fine-tuned', 'full', LAST);
  }
}

async function herbarium(): Promise<void> {
  console.log(
    '\nnoise         Macro F1 plain   robust           rare F1 plain    robust           precision        estimated rate   alarms  s plain  robust',
  );
  const rows = CONDITIONS.map((): Row[] => []);
  for (let seed = 1; seed <= SEEDS; seed++) {
    const clean = join(folder, `herbarium-${seed}`);
    if (!existsSync(join(clean, 'label_list.txt'))) {
      await writeHerbarium(clean, { seed, noise: 0, brokenFiles: 0, testPerClass: 5, valPerClass: 3 });
    }
    for (const [c, condition] of CONDITIONS.entries()) rows[c]!.push(await measure(clean, seed, condition));
    process.stderr.write(`seed ${seed} of ${SEEDS}\n`);
  }
  for (const [c, { kind, noise }] of CONDITIONS.entries()) {
    const column = (value: (row: Row) => number): string => spreadOf(rows[c]!.map(value));
    console.log(
      [
        `${kind} ${noise * 100} %`.padEnd(13),
        column(({ plain }) => plain.macroF1),
        column(({ robust }) => robust.macroF1),
        column(({ plain }) => plain.rareF1),
        column(({ robust }) => robust.rareF1),
        column(({ precision }) => precision),
        column(({ rate }) => rate),
        mean(rows[c]!.map(({ falseAlarms }) => falseAlarms))
          .toFixed(3)
          .padEnd(7),
        mean(rows[c]!.map(({ plain }) => plain.seconds))
          .toFixed(0)
          .padStart(7),
        mean(rows[c]!.map(({ robust }) => robust.seconds))
          .toFixed(0)
          .padStart(7),
      ].join(' '),
    );
  }
}

/** Audits a copy of a clean Herbarium with injected label errors, as its generator would inject them, and trains on it twice. */
async function measure(clean: string, seed: number, { kind, noise }: (typeof CONDITIONS)[number]): Promise<Row> {
  const name = `${basename(clean)}-${kind}-${noise}`;
  const data = join(folder, name);
  rmSync(data, { recursive: true, force: true });
  mkdirSync(data);
  for (const part of ['train', 'val', 'test']) symlinkSync(join(clean, part), join(data, part));
  for (const file of ['val.csv', 'label_list.txt']) symlinkSync(join(clean, file), join(data, file));
  const { truth, wrong } = injectErrors(clean, join(data, 'train.csv'), seed, kind, noise);
  const out = join(folder, `${name}-audit`);
  // Features do not depend on labels, so the next condition of the same images reuses them.
  const cache = join(folder, `herbarium-${seed}-features.safetensors`);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out);
  if (existsSync(cache)) symlinkSync(cache, join(out, 'features.safetensors'));
  evenhand(['audit', data, '--out', out, ...MINI]);
  if (!existsSync(cache)) writeFileSync(cache, readFileSync(join(out, 'features.safetensors')));
  const judged = csvRows(join(out, 'labels.csv')).filter(({ part }) => part === 'train');
  const bad = judged.map(({ file }) => wrong.has(basename(file!)));
  const { rate } = JSON.parse(readFileSync(join(out, 'audit.json'), 'utf8'));
  const alarms = judged.filter(({ wrong: p }, i) => Number(p) > 0.5 && !bad[i]).length;
  const flags = [...MINI, ...MINI_RATES, ...TRAINING, '--seed', String(seed)];
  const train = async (labelNoise: string): Promise<Score> => {
    const run = join(folder, `${name}-${labelNoise}`);
    rmSync(run, { recursive: true, force: true });
    const begin = performance.now();
    evenhand(['train', data, '--run', run, ...flags, '--label-noise', labelNoise]);
    const seconds = (performance.now() - begin) / 1000;
    const read = { images: join(clean, 'test/images') };
    const scores = await evaluate({ run, data: join(clean, 'test-labels.csv'), read });
    return { macroF1: scores.report.macroF1, rareF1: rareF1(scores, truth), seconds };
  };
  return {
    plain: await train('off'),
    robust: await train('auto'),
    precision: averagePrecision(bad),
    rate: rate.value,
    truth: wrong.size / judged.length,
    falseAlarms: alarms / Math.max(1, bad.filter((each) => !each).length),
  };
}

/** Writes train.csv with wrong labels, the same for every run with the same seed. */
function injectErrors(
  clean: string,
  file: string,
  seed: number,
  kind: 'uniform' | 'pairs',
  noise: number,
): { truth: Map<string, number>; wrong: Set<string> } {
  const species = herbariumSpecies({ seed });
  const siblingOf = new Map(
    species.map(({ name, genus, index }, i) => {
      const next = species[i + 1]?.genus === genus ? species[i + 1]! : species[i - index]!;
      return [name, next.name];
    }),
  );
  const rows = csvRows(join(clean, 'true-labels.csv'));
  const truth = new Map<string, number>();
  for (const { label } of rows) truth.set(label!, (truth.get(label!) ?? 0) + 1);
  let state = seed * 2_654_435_761;
  // Xorshift: any fixed order is sufficient here.
  const random = (n: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
  const order = rows.map((_, i) => i);
  for (let i = order.length - 1; i > 0; i--) {
    const j = random(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const injected = new Set(order.slice(0, Math.round(noise * rows.length)));
  const wrong = new Set<string>();
  const lines = rows.map(({ image_id, filename, label }, i) => {
    if (!injected.has(i)) return `${image_id},${filename},${label}`;
    const others = species.filter(({ name }) => name !== label);
    const given = kind === 'pairs' ? siblingOf.get(label!)! : others[random(others.length)]!.name;
    if (given !== label) wrong.add(filename!);
    return `${image_id},${filename},${given}`;
  });
  writeFileSync(file, `image_id,filename,label\n${lines.join('\n')}\n`);
  return { truth, wrong };
}

async function flowers(title: string, name: string, length: readonly string[]): Promise<void> {
  const data = join(SHARED, 'flowers');
  const weights = join(SHARED, 'weights/mobilenet_v2.imagenet-features.pth');
  console.log(`\nflowers, MobileNetV2 at 224 px, ${title}; Macro F1 and accuracy on devtest`);
  for (const labelNoise of ['off', 'auto']) {
    const run = join(folder, `flowers-${name}-${labelNoise}`);
    rmSync(run, { recursive: true, force: true });
    const begin = performance.now();
    const flags = ['--recipe', 'fast', '--weights', weights, '--label-smoothing', '0'];
    evenhand(['train', data, '--run', run, ...flags, ...length, '--label-noise', labelNoise]);
    const seconds = (performance.now() - begin) / 1000;
    const read = { images: join(data, 'devtest/images'), labelList: join(data, 'label_list.txt') };
    const { report, interval } = await evaluate({ run, data: join(data, 'devtest.csv'), read });
    console.log(
      `label noise ${labelNoise.padEnd(4)}  ${report.macroF1.toFixed(3)} [${interval.low.toFixed(3)}, ` +
        `${interval.high.toFixed(3)}]  ${report.accuracy.toFixed(3)}  ${seconds.toFixed(0)} s`,
    );
  }
}

/** Average precision of a ranking, the most likely error first: the mean of the precision at each wrong label. */
function averagePrecision(bad: readonly boolean[]): number {
  let [hits, sum] = [0, 0];
  for (const [rank, each] of bad.entries()) {
    if (!each) continue;
    hits++;
    sum += hits / (rank + 1);
  }
  return sum / hits;
}

/** Mean F1 of the third of the classes with the fewest correctly labelled images. */
function rareF1({ report, classes }: Evaluation, truth: ReadonlyMap<string, number>): number {
  const order = [...classes.keys()].sort((a, b) => truth.get(classes[a]!)! - truth.get(classes[b]!)!);
  return mean(order.slice(0, Math.round(classes.length * RARE_SHARE)).map((c) => report.perClass[c]!.f1));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}

/** `spread` in a column; a dash where nothing was measured. */
const spreadOf = (values: readonly number[]): string => (Number.isNaN(mean(values)) ? '–' : spread(values)).padEnd(16);
