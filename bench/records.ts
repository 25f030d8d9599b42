// npm run bench -- records: what decoding each image once costs in Macro F1.
//
// Every training runs twice with the same seed: from records squashed to S x S pixels, and with each crop cut from the whole
// image, as decoding in every epoch would do. Scores are on labels that no training has seen. SEEDS, FLOWERS=0 and
// HERBARIUM=0 choose what runs, EPOCHS the epochs of phase 2 on Herbarium ("0,2" measures both).
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeHerbarium } from '@evenhand/herbarium';
import { evaluate } from 'evenhand';
import { csvRows, evenhand, SHARED, spread } from './evenhand.js';

const { SEEDS = '3', EPOCHS = '0', FLOWERS, HERBARIUM, FOLDER } = process.env;
/** Frozen features of every image as it is, and of two augmented views of it. */
const HEAD = ['--recipe', 'fast', '--head-epochs', '3', '--keep', 'last', '--patience', '0'];
/** Photos whose label is probably right: the rest would only add noise to the scores. */
const TRUSTED = 0.05;
/** Larger than any image. */
const WHOLE = '100000';

interface Task {
  readonly name: string;
  readonly flags: readonly string[];
  /** Writes the data of a seed, and returns its folder with train.csv, val.csv and the test set `test.csv`. */
  readonly prepare: (seed: number) => Promise<string>;
}

const folder = FOLDER ?? mkdtempSync(join(tmpdir(), 'evenhand-records-'));
mkdirSync(folder, { recursive: true });
try {
  console.log(
    `Macro F1 from records and from whole images, mean (standard deviation) of ${SEEDS} seeds; the same seeds\n`,
  );
  console.log(`${''.padEnd(48)}records          whole            difference       of each seed`);
  for (const task of tasks()) await measure(task);
} finally {
  if (FOLDER === undefined) rmSync(folder, { recursive: true, force: true });
}

function tasks(): Task[] {
  const list: Task[] = [];
  for (const epochs of HERBARIUM === '0' ? [] : EPOCHS.split(',')) {
    const name = `Herbarium 384 px, mini at 128, ${epochs === '0' ? 'frozen' : `${epochs} epochs`}`;
    const flags = ['--model', 'efficientnet_mini', '--image-size', '128', '--start-size', '0', '--epochs', epochs];
    list.push({ name, flags, prepare: herbarium });
  }
  if (FLOWERS === '0') return list;
  if (!existsSync(join(SHARED, 'flowers'))) {
    console.error('No ../shared/data/flowers: measuring on Herbarium only.');
    return list;
  }
  const weights = join(SHARED, 'weights/mobilenet_v2.imagenet-features.pth');
  const flags = ['--weights', weights, '--epochs', '0'];
  list.push({ name: 'flowers 500 px, MobileNetV2 at 224, frozen', flags, prepare: flowers });
  return list;
}

async function measure({ name, flags, prepare }: Task): Promise<void> {
  const records: number[] = [];
  const whole: number[] = [];
  for (let seed = 1; seed <= Number(SEEDS); seed++) {
    const data = await prepare(seed);
    for (const [scores, squash] of [
      [records, undefined],
      [whole, WHOLE],
    ] as const) {
      const run = join(folder, 'run');
      rmSync(run, { recursive: true, force: true });
      const env: Record<string, string> = squash === undefined ? {} : { EVENHAND_SQUASH: squash };
      evenhand(['train', data, '--run', run, ...HEAD, ...flags, '--seed', `${seed}`, '--cache', 'off'], env);
      const read = { images: join(data, 'test/images'), labelList: join(data, 'label_list.txt') };
      scores.push((await evaluate({ run, data: join(data, 'test.csv'), read })).report.macroF1);
    }
    process.stderr.write(
      `${name}, seed ${seed}: records ${records.at(-1)!.toFixed(4)}, whole ${whole.at(-1)!.toFixed(4)}\n`,
    );
  }
  const differences = records.map((score, i) => score - whole[i]!);
  const each = differences.map((difference) => difference.toFixed(4)).join(' ');
  console.log(`${name.padEnd(48)}${column(records)} ${column(whole)} ${column(differences)} ${each}`);
}

/** Clean flowers of three times the crop, the same for every seed, since drawing them takes longer than training. */
async function herbarium(): Promise<string> {
  const data = join(folder, 'herbarium');
  if (existsSync(join(data, 'test.csv.done'))) return data;
  await writeHerbarium(data, {
    seed: 1,
    size: 384,
    species: 60,
    mostImages: 40,
    noise: 0,
    brokenFiles: 0,
    testPerClass: 10,
  });
  cpSync(join(data, 'test-labels.csv'), join(data, 'test.csv'));
  writeFileSync(join(data, 'test.csv.done'), '');
  return data;
}

/** The photos with trusted labels: a third of each class to test, another one for each seed, the rest to train. */
async function flowers(seed: number): Promise<string> {
  const source = join(SHARED, 'flowers');
  const audit = join(folder, 'audit');
  if (!existsSync(join(audit, 'labels.csv'))) {
    const weights = join(SHARED, 'weights/mobilenet_v2.imagenet-features.pth');
    evenhand(['audit', source, '--out', audit, '--weights', weights, '--cache', 'off']);
  }
  const trusted = csvRows(join(audit, 'labels.csv')).filter(
    ({ part, wrong }) => part === 'train' && Number(wrong) < TRUSTED,
  );
  const seen = new Map<string, number>();
  const test: string[] = [];
  const train: string[] = [];
  for (const { file, given } of trusted) {
    const count = seen.get(given!) ?? 0;
    seen.set(given!, count + 1);
    (count % 3 === seed % 3 ? test : train).push(`${file!.split('/').at(-1)},${given}`);
  }
  const data = join(folder, `flowers-${seed}`);
  rmSync(data, { recursive: true, force: true });
  for (const part of ['train', 'test']) {
    mkdirSync(join(data, part), { recursive: true });
    symlinkSync(join(source, 'train/images'), join(data, part, 'images'));
  }
  for (const file of ['val', 'label_list.txt', 'val.csv']) symlinkSync(join(source, file), join(data, file));
  for (const [part, rows] of [
    ['train', train],
    ['test', test],
  ] as const) {
    writeFileSync(
      join(data, `${part}.csv`),
      `image_id,filename,label\n${rows.map((row) => `${row.split('.')[0]},${row}\n`).join('')}`,
    );
  }
  return data;
}

const column = (values: readonly number[]): string => spread(values, 4).padEnd(16);
