import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Random } from 'evenhand/random';
import { shuffled } from './drawing/chance.js';
import { drawSpecies, type ImageOptions } from './image.js';
import { herbariumSpecies, type Species, type SpeciesOptions } from './species.js';

export interface HerbariumOptions extends SpeciesOptions, ImageOptions {
  /** Training images of the most and of the least frequent species; those between fall exponentially. 60 and 4. */
  readonly mostImages?: number;
  readonly fewestImages?: number;
  /** Images of each species for validation and for the test; default 3 and 5. */
  readonly valPerClass?: number;
  readonly testPerClass?: number;
  /** The share of training images whose label is wrong; default 0.05. */
  readonly noise?: number;
  /** A wrong label is any other species, or always the same species of its genus; default `uniform`. */
  readonly noiseKind?: 'uniform' | 'pairs';
  /** Training files that are no whole image: empty, cut short, a web page; default 6. */
  readonly brokenFiles?: number;
  /** Is told how many of the files are written. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What was written. */
export interface HerbariumSummary {
  readonly species: readonly Species[];
  /** Readable training images of each species, in the order of `species`, counted by what they show. */
  readonly trainCounts: readonly number[];
  /** Rows of train.csv, broken files included. */
  readonly train: number;
  readonly val: number;
  readonly test: number;
  readonly wrongLabels: number;
  /** Names of the broken files in `train/images`. */
  readonly brokenFiles: readonly string[];
}

type Damage = 'empty' | 'cut' | 'html';

interface Item {
  /** The species that it shows: an index. */
  readonly shows: number;
  /** The species that its label says. */
  readonly says: number;
  /** Which of the species' images. */
  readonly index: number;
  readonly damage?: Damage;
}

type Split = 'train' | 'val' | 'test';

/** What random numbers are for, beside those of `species.ts` and `image.ts`. */
const PURPOSE = { counts: 200, noise: 201, order: 202, broken: 203 };

/** Where the indices of each split's images begin, so that no image is in two. */
const FIRST: Readonly<Record<Split, number>> = { train: 0, val: 1_000_000, test: 2_000_000 };

/**
 * Writes a data set of made-up flowers: `train.csv` and `val.csv` (image_id, filename, label) and `test.csv` (without
 * label), their images in `train/images`, `val/images`, `test/images`, and `label_list.txt`. Beside them are what a
 * competition would keep to itself: `test-labels.csv`, and `true-labels.csv` with what the training images show.
 * All files are the same, bit by bit, for the same options on the same machine. Existing files are replaced.
 * @throws RangeError for an option out of range
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
    const named = (index: number): string => species[index]!.name;
    const table = (name: string, columns: readonly string[], of: (row: (typeof rows)[number]) => string[]) =>
      writeFile(path.join(folder, name), [columns, ...rows.map(of)].map((row) => `${row.join(',')}\n`).join(''));
    const labelled = (name: string, of: (item: Item) => number) =>
      table(name, ['image_id', 'filename', 'label'], ({ id, item }) => [id, `${id}.jpg`, named(of(item))]);
    if (split === 'test') {
      await table('test.csv', ['image_id', 'filename'], ({ id }) => [id, `${id}.jpg`]);
      await labelled('test-labels.csv', ({ shows }) => shows);
    } else await labelled(`${split}.csv`, ({ says }) => says);
    if (split === 'train') await labelled('true-labels.csv', ({ shows }) => shows);
  }
  await writeFile(path.join(folder, 'label_list.txt'), species.map(({ name }) => `${name}\n`).join(''));
  await allAtOnce(work, onProgress);
  const [train, val, test] = [splits.train.length, splits.val.length, splits.test.length];
  const wrongLabels = splits.train.filter(({ shows, says }) => shows !== says).length;
  return { species, trainCounts, train, val, test, wrongLabels, brokenFiles };
}

/** How many training images each species has; which is frequent and which rare has nothing to do with its genus. */
function longTail(species: readonly Species[], options: HerbariumOptions): number[] {
  const { seed = 0, world = 0, mostImages = 60, fewestImages = 4 } = options;
  const fewest = countOf('fewestImages', fewestImages, 1);
  const most = countOf('mostImages', mostImages, fewest);
  const last = Math.max(1, species.length - 1);
  const rank = new Random(seed, world, PURPOSE.counts).permutation(species.length);
  return Array.from(rank, (place) => Math.round(most * (fewest / most) ** (place / last)));
}

function trainingItems(species: readonly Species[], counts: readonly number[], options: HerbariumOptions): Item[] {
  const { seed = 0, world = 0, noise = 0.05, noiseKind = 'uniform', brokenFiles = 6 } = options;
  if (!(noise >= 0 && noise <= 1)) throw new RangeError(`Herbarium expects noise from 0 to 1, not ${noise}`);
  if (noiseKind !== 'uniform' && noiseKind !== 'pairs') {
    throw new RangeError(`Herbarium expects noiseKind to be "uniform" or "pairs", not "${noiseKind}"`);
  }
  const clean = species.flatMap((_, shows) =>
    Array.from({ length: counts[shows]! }, (_, i): Item => ({ shows, says: shows, index: FIRST.train + i })),
  );
  const random = new Random(seed, world, PURPOSE.noise);
  const wrong = new Set(random.permutation(clean.length).subarray(0, Math.round(noise * clean.length)));
  const items = clean.map((item, i): Item => {
    if (!wrong.has(i) || species.length === 1) return item;
    const other = (item.shows + 1 + random.int(species.length - 1)) % species.length;
    return { ...item, says: noiseKind === 'pairs' ? siblingOf(species, item.shows) : other };
  });
  const damaged = new Random(seed, world, PURPOSE.broken);
  const damages: readonly Damage[] = ['empty', 'cut', 'html'];
  for (let i = 0; i < countOf('brokenFiles', brokenFiles, 0); i++) {
    const shows = damaged.int(species.length);
    items.push({ shows, says: shows, index: FIRST.train + counts[shows]! + i, damage: damages[i % 3]! });
  }
  return items;
}

/** The next species of the same genus, after its last the first. */
function siblingOf(species: readonly Species[], of: number): number {
  const { genus, index } = species[of]!;
  const first = of - index;
  return species[of + 1]?.genus === genus ? of + 1 : first;
}

function evenItems(species: readonly Species[], perClass: number, first: number): Item[] {
  return species.flatMap((_, shows) =>
    Array.from({ length: perClass }, (_, i): Item => ({ shows, says: shows, index: first + i })),
  );
}

const WEB_PAGE = '<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body>Not Found</body></html>\n';

async function bytesOf(
  species: readonly Species[],
  { shows, index, damage }: Item,
  options: ImageOptions,
): Promise<Buffer> {
  if (damage === 'empty') return Buffer.alloc(0);
  if (damage === 'html') return Buffer.from(WEB_PAGE);
  const whole = await drawSpecies(species[shows]!, index, options);
  return damage === 'cut' ? whole.subarray(0, Math.floor(whole.length * 0.6)) : whole;
}

/** Runs the work a few at a time: while libvips draws one image in its thread, the next is composed in this one. */
async function allAtOnce(
  work: readonly (() => Promise<void>)[],
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  let next = 0;
  let done = 0;
  const lane = async (): Promise<void> => {
    while (next < work.length) {
      await work[next++]!();
      onProgress?.(++done, work.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2 * availableParallelism(), 8) }, lane));
}

function countOf(name: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least && value < FIRST.val) return value;
  throw new RangeError(`Herbarium expects ${name} to be an integer of at least ${least}, not ${value}`);
}
