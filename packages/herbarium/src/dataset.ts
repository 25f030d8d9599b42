import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Random } from 'evenhand/random';
import { shuffled } from './drawing/chance.js';
import { drawSpecies, type ImageOptions } from './image.js';
import { herbariumSpecies, type Species, type SpeciesOptions } from './species.js';

export interface HerbariumOptions extends SpeciesOptions, ImageOptions {
  /** Training images of the most and of the least frequent species [60, 4]; those between fall exponentially. */
  readonly mostImages?: number;
  readonly fewestImages?: number;
  /** Validation and test images per species [3, 5]. */
  readonly valPerClass?: number;
  readonly testPerClass?: number;
  /** The proportion of training images with a wrong label [0.05]. */
  readonly noise?: number;
  /** Whether a wrong label is any other species, or always the same species of its genus [uniform]. */
  readonly noiseKind?: 'uniform' | 'pairs';
  /** Number of training files that are not readable images: empty, truncated, a web page [6]. */
  readonly brokenFiles?: number;
  /** Called with the number of files that have been written. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A summary of the data set. */
export interface HerbariumSummary {
  readonly species: readonly Species[];
  /** Readable training images per species, in the order of `species`, by true species. */
  readonly trainCounts: readonly number[];
  /** Number of rows in train.csv, including broken files. */
  readonly train: number;
  readonly val: number;
  readonly test: number;
  readonly wrongLabels: number;
  /** Names of the broken files in `train/images`. */
  readonly brokenFiles: readonly string[];
}

type Damage = 'empty' | 'cut' | 'html';

interface Item {
  /** Index of the species in the image. */
  readonly trueSpecies: number;
  /** Index of the species in its label. */
  readonly labelledSpecies: number;
  /** Index of the image among those of the species. */
  readonly index: number;
  readonly damage?: Damage;
}

type Split = 'train' | 'val' | 'test';

/** Streams of random numbers, in addition to those of `species.ts` and `image.ts`. */
const PURPOSE = { counts: 200, noise: 201, order: 202, broken: 203 };

/** The first image index of each split, so that no image is in two splits. */
const FIRST: Readonly<Record<Split, number>> = { train: 0, val: 1_000_000, test: 2_000_000 };

/**
 * Writes a data set of made-up flowers: `train.csv` and `val.csv` (image_id, filename, label), `test.csv` (without label),
 * the images in `train/images`, `val/images` and `test/images`, and `label_list.txt`. It also writes what a competition
 * would not publish: `test-labels.csv`, and `true-labels.csv` with the true labels of the training images. The files are
 * identical for the same options on the same machine. Existing files are replaced.
 *
 * @throws RangeError if an option is out of range
 */
export async function writeHerbarium(folder: string, options: HerbariumOptions = {}): Promise<HerbariumSummary> {
  const { seed = 0, world = 0, valPerClass = 3, testPerClass = 5, onProgress } = options;
  const species = herbariumSpecies(options);
  const trainCounts = longTail(species, options);
  const splits: Record<Split, Item[]> = {
    train: trainingItems(species, trainCounts, options),
    val: evenItems(species, countOf('valPerClass', valPerClass, 0), FIRST.val),
    test: evenItems(species, countOf('testPerClass', testPerClass, 0), FIRST.test),
  };
  const order = new Random(seed, world, PURPOSE.order);
  const brokenFiles: string[] = [];
  const work: (() => Promise<void>)[] = [];
  await mkdir(folder, { recursive: true });
  for (const split of ['train', 'val', 'test'] as const) {
    const images = path.join(folder, split, 'images');
    await mkdir(images, { recursive: true });
    const rows = shuffled(order, splits[split]).map((item, i) => ({ item, id: String(i + 1).padStart(6, '0') }));
    for (const { item, id } of rows) {
      if (item.damage !== undefined) brokenFiles.push(`${id}.jpg`);
      work.push(async () => writeFile(path.join(images, `${id}.jpg`), await bytesOf(species, item, options)));
    }
    const writeTable = (name: string, columns: readonly string[], cells: (row: (typeof rows)[number]) => string[]) =>
      writeFile(path.join(folder, name), [columns, ...rows.map(cells)].map((row) => `${row.join(',')}\n`).join(''));
    const writeLabels = (name: string, speciesOf: (item: Item) => number) =>
      writeTable(name, ['image_id', 'filename', 'label'], ({ id, item }) => {
        return [id, `${id}.jpg`, species[speciesOf(item)]!.name];
      });
    if (split === 'test') {
      await writeTable('test.csv', ['image_id', 'filename'], ({ id }) => [id, `${id}.jpg`]);
      await writeLabels('test-labels.csv', ({ trueSpecies }) => trueSpecies);
    } else await writeLabels(`${split}.csv`, ({ labelledSpecies }) => labelledSpecies);
    if (split === 'train') await writeLabels('true-labels.csv', ({ trueSpecies }) => trueSpecies);
  }
  await writeFile(path.join(folder, 'label_list.txt'), species.map(({ name }) => `${name}\n`).join(''));
  await runConcurrently(work, onProgress);
  const [train, val, test] = [splits.train.length, splits.val.length, splits.test.length];
  const wrongLabels = splits.train.filter(({ trueSpecies, labelledSpecies }) => trueSpecies !== labelledSpecies).length;
  return { species, trainCounts, train, val, test, wrongLabels, brokenFiles };
}

/** Number of training images per species; how frequent a species is does not depend on its genus. */
function longTail(species: readonly Species[], options: HerbariumOptions): number[] {
  const { seed = 0, world = 0, mostImages = 60, fewestImages = 4 } = options;
  const fewest = countOf('fewestImages', fewestImages, 1);
  const most = countOf('mostImages', mostImages, fewest);
  const last = Math.max(1, species.length - 1);
  const rank = new Random(seed, world, PURPOSE.counts).permutation(species.length);
  return Array.from(rank, (position) => Math.round(most * (fewest / most) ** (position / last)));
}

function trainingItems(species: readonly Species[], counts: readonly number[], options: HerbariumOptions): Item[] {
  const { seed = 0, world = 0, noise = 0.05, noiseKind = 'uniform', brokenFiles = 6 } = options;
  if (!(noise >= 0 && noise <= 1)) throw new RangeError(`noise must be from 0 to 1, got ${noise}.`);
  if (noiseKind !== 'uniform' && noiseKind !== 'pairs') {
    throw new RangeError(`noiseKind must be "uniform" or "pairs", got "${noiseKind}".`);
  }
  const clean = species.flatMap((_, k) =>
    Array.from({ length: counts[k]! }, (_, i) => correctlyLabelled(k, FIRST.train + i)),
  );
  const random = new Random(seed, world, PURPOSE.noise);
  const wrong = new Set(random.permutation(clean.length).subarray(0, Math.round(noise * clean.length)));
  const items = clean.map((item, i): Item => {
    if (!wrong.has(i) || species.length === 1) return item;
    const other = (item.trueSpecies + 1 + random.int(species.length - 1)) % species.length;
    return { ...item, labelledSpecies: noiseKind === 'pairs' ? siblingOf(species, item.trueSpecies) : other };
  });
  const damaged = new Random(seed, world, PURPOSE.broken);
  const damages: readonly Damage[] = ['empty', 'cut', 'html'];
  for (let i = 0; i < countOf('brokenFiles', brokenFiles, 0); i++) {
    const k = damaged.int(species.length);
    items.push({ ...correctlyLabelled(k, FIRST.train + counts[k]! + i), damage: damages[i % 3]! });
  }
  return items;
}

function correctlyLabelled(species: number, index: number): Item {
  return { trueSpecies: species, labelledSpecies: species, index };
}

/** The next species of the same genus; after the last one, the first. */
function siblingOf(species: readonly Species[], k: number): number {
  const { genus, index } = species[k]!;
  return species[k + 1]?.genus === genus ? k + 1 : k - index;
}

function evenItems(species: readonly Species[], perClass: number, first: number): Item[] {
  return species.flatMap((_, k) => Array.from({ length: perClass }, (_, i) => correctlyLabelled(k, first + i)));
}

const WEB_PAGE = '<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body>Not Found</body></html>\n';

async function bytesOf(
  species: readonly Species[],
  { trueSpecies, index, damage }: Item,
  options: ImageOptions,
): Promise<Uint8Array> {
  if (damage === 'empty') return Buffer.alloc(0);
  if (damage === 'html') return Buffer.from(WEB_PAGE);
  const whole = await drawSpecies(species[trueSpecies]!, index, options);
  return damage === 'cut' ? whole.subarray(0, Math.floor(whole.length * 0.6)) : whole;
}

/** Runs a few tasks at a time: while libvips draws one image in its thread, the next is composed in this one. */
async function runConcurrently(
  work: readonly (() => Promise<void>)[],
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  let next = 0;
  let done = 0;
  const runNext = async (): Promise<void> => {
    while (next < work.length) {
      await work[next++]!();
      onProgress?.(++done, work.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2 * availableParallelism(), 8) }, runNext));
}

function countOf(name: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least && value < FIRST.val) return value;
  throw new RangeError(`${name} must be a whole number of at least ${least}, got ${value}.`);
}
