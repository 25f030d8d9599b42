// The data sets of `npm run bench -- balance`: long-tailed, with true labels, wrong labels on request, and a clean test set.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeHerbarium } from '@evenhand/herbarium';
import { metrics } from 'evenhand';
import { Random } from 'evenhand/random';
import { csvRows, evenhand, SHARED } from './evenhand.js';

export const FLOWERS = join(SHARED, 'flowers');
const MOBILENET = join(SHARED, 'weights/mobilenet_v2.imagenet-features.pth');
const LITE = join(SHARED, 'weights/tf_efficientnet_lite0.imagenet-features.safetensors');

export const DATA_SETS = ['herbarium', 'flowers-10', 'flowers-50'] as const;
export type DataSet = (typeof DATA_SETS)[number];

/** Images of one model's size, from which trainings and tests are drawn. Features are computed once for all of them. */
export interface Pool {
  /** Unique in the folder of the benchmark. */
  readonly name: string;
  readonly classes: readonly string[];
  readonly files: readonly string[];
  /** [N] true classes. */
  readonly labels: Int32Array;
  readonly model: { readonly model: string; readonly weights: string; readonly imageSize: number };
}

/** A training and its test, as rows of a pool. */
export interface Split {
  readonly pool: Pool;
  readonly train: Int32Array;
  readonly val: Int32Array;
  readonly test: Int32Array;
}

/** Images of a class of flowers for validation and for the test; the others may be trained on. */
const FLOWER_VAL = 1;
const FLOWER_TEST = 3;
/** Classes with fewer trusted photos have no part, so that the rarest class of 10:1 has a tenth of the most frequent one. */
const FEWEST_PHOTOS = 8;
/** Training images of the most frequent flower, by the ratio to the rarest. */
const MOST_FLOWERS = { 10: 40, 50: 50 } as const;
/** A label of the flowers is trusted if the audits of both backbones think it less probably wrong than this. */
const TRUSTED = 0.1;

/** Streams of random numbers. */
const PURPOSE = { split: 1, wrong: 2 };

/** Draws, audits or reads what a data set needs, unless `folder` has it. */
export async function readSplit(folder: string, dataSet: DataSet, seed: number): Promise<Split> {
  if (dataSet === 'herbarium') return herbariumSplit(folder, seed);
  return longTail(trustedFlowers(folder), dataSet === 'flowers-10' ? 10 : 50, seed);
}

/** [K] training images of each class, and [M] classes of the test images, by the true labels. */
export function trueClasses({ pool, train, test }: Split): { counts: number[]; truth: number[] } {
  const classesOf = (rows: Int32Array) => rows.map((row) => pool.labels[row]!);
  const counts = metrics.classCounts(classesOf(train), pool.classes.length);
  return { counts: Array.from(counts), truth: Array.from(classesOf(test)) };
}

/** Labels of the training rows, a share of them replaced by any other class. */
export function givenLabels({ pool, train }: Split, share: number, seed: number): Int32Array {
  const given = train.map((row) => pool.labels[row]!);
  const random = new Random(seed, PURPOSE.wrong);
  const { length } = pool.classes;
  for (const i of random.permutation(given.length).subarray(0, Math.round(share * given.length))) {
    given[i] = (given[i]! + 1 + random.int(length - 1)) % length;
  }
  return given;
}

/** Other images for each seed, of the same species. */
async function herbariumSplit(folder: string, seed: number): Promise<Split> {
  const name = `herbarium-${seed}`;
  const data = join(folder, name);
  if (!existsSync(join(data, 'done'))) {
    const testPerClass = 10;
    await writeHerbarium(data, { seed, size: 160, noise: 0, brokenFiles: 0, valPerClass: 3, testPerClass });
    writeFileSync(join(data, 'done'), '');
  }
  const classes = readFileSync(join(data, 'label_list.txt'), 'utf8').trim().split('\n');
  const indexOf = new Map(classes.map((each, k) => [each, k]));
  const files: string[] = [];
  const labels: number[] = [];
  const read = (part: string, table: string): Int32Array => {
    const first = files.length;
    for (const { filename, label } of csvRows(join(data, table))) {
      files.push(join(data, part, 'images', filename!));
      labels.push(indexOf.get(label!)!);
    }
    return Int32Array.from({ length: files.length - first }, (_, i) => first + i);
  };
  const [train, val, test] = [read('train', 'train.csv'), read('val', 'val.csv'), read('test', 'test-labels.csv')];
  const model = { model: 'efficientnet_mini', weights: 'pretrained', imageSize: 128 };
  return { pool: { name, classes, files, labels: Int32Array.from(labels), model }, train, val, test };
}

/** The training photos whose labels two backbones agree on. */
function trustedFlowers(folder: string): Pool {
  const trusted = [
    ['mobilenet_v2', MOBILENET],
    ['efficientnet_lite0', LITE],
  ].map(([model, weights]) => {
    const out = join(folder, `audit-${model}`);
    if (!existsSync(join(out, 'labels.csv'))) {
      mkdirSync(folder, { recursive: true });
      evenhand(['audit', FLOWERS, '--out', out, '--model', model!, '--weights', weights!]);
    }
    const rows = csvRows(join(out, 'labels.csv')).filter(
      ({ part, wrong }) => part === 'train' && Number(wrong) < TRUSTED,
    );
    return new Map(rows.map(({ file, given }) => [file!, given!]));
  });
  const agreed = [...trusted[0]!].filter(([file]) => trusted[1]!.has(file)).sort(([a], [b]) => (a < b ? -1 : 1));
  const counts = new Map<string, number>();
  for (const [, label] of agreed) counts.set(label, (counts.get(label) ?? 0) + 1);
  const names = readFileSync(join(FLOWERS, 'label_list.txt'), 'utf8').trim().split('\n');
  const classes = names.filter((name) => (counts.get(name) ?? 0) >= FEWEST_PHOTOS);
  const rows = agreed.filter(([, label]) => classes.includes(label));
  return {
    name: 'flowers',
    classes,
    files: rows.map(([file]) => join(FLOWERS, file)),
    labels: Int32Array.from(rows, ([, label]) => classes.indexOf(label)),
    model: { model: 'mobilenet_v2', weights: MOBILENET, imageSize: 160 },
  };
}

/**
 * For each seed another test and other training images: their number falls exponentially to a `ratio`-th, in the order of
 * how many photos the classes have, and is at least 1.
 */
function longTail(pool: Pool, ratio: keyof typeof MOST_FLOWERS, seed: number): Split {
  const members: number[][] = pool.classes.map(() => []);
  for (const row of new Random(seed, PURPOSE.split).permutation(pool.labels.length))
    members[pool.labels[row]!]!.push(row);
  const order = [...members.keys()].sort((a, b) => members[b]!.length - members[a]!.length);
  const parts = { train: [] as number[], val: [] as number[], test: [] as number[] };
  for (const [rank, k] of order.entries()) {
    const rows = members[k]!;
    const count = Math.max(1, Math.round(MOST_FLOWERS[ratio] * ratio ** (-rank / (order.length - 1))));
    parts.test.push(...rows.slice(0, FLOWER_TEST));
    parts.val.push(...rows.slice(FLOWER_TEST, FLOWER_TEST + FLOWER_VAL));
    parts.train.push(...rows.slice(FLOWER_TEST + FLOWER_VAL).slice(0, count));
  }
  const rowsOf = (rows: number[]) => Int32Array.from(rows).sort();
  return { pool, train: rowsOf(parts.train), val: rowsOf(parts.val), test: rowsOf(parts.test) };
}
