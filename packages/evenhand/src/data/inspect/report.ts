import { plural } from '../../format.js';
import type { Dataset, Sample } from '../read/formats.js';
import { Turns } from '../turns.js';
import { fingerprintOf } from './data-fingerprint.js';
import { type DuplicatePair, findDuplicates } from './duplicates.js';
import { type BadImage, type Scan, scanImages } from './scan.js';

export type Part = 'train' | 'val';

/** A pair of near-duplicates with the labels of both files. */
export interface Duplicate extends DuplicatePair {
  readonly labelsOfA: readonly string[];
  readonly labelsOfB: readonly string[];
}

/** The findings of `evenhand check` about a data set: plain data that can be written as JSON. */
export interface DatasetReport {
  /** `fingerprintOf`: equal for equal data, wherever it lies. */
  readonly fingerprint: string;
  readonly train: number;
  readonly val: number;
  /** Numbers of rows per class, in the order of the classes. */
  readonly classes: readonly { readonly label: string; readonly train: number; readonly val: number }[];
  /** The largest training count of a class over the smallest one above 0. */
  readonly imbalanceRatio: number;
  readonly absentFromTrain: readonly string[];
  /** Empty if there are no validation images. */
  readonly absentFromVal: readonly string[];
  /** Files that are missing or unreadable, and the parts that name them. */
  readonly bad: readonly (BadImage & { readonly parts: readonly Part[] })[];
  /** Files in more than one row. */
  readonly repeats: readonly { readonly file: string; readonly rows: number; readonly labels: readonly string[] }[];
  /** Files, or pairs of near-duplicates, with more than one label. */
  readonly conflicts: readonly { readonly files: readonly string[]; readonly labels: readonly string[] }[];
  /** Training images that are in validation too, which makes scores too good. */
  readonly leaks: readonly Duplicate[];
  /** Near-duplicates within one part. */
  readonly duplicates: readonly Duplicate[];
  /** Widths and heights of the readable images, in pixels. */
  readonly sizes: { readonly width: Spread; readonly height: Spread } | undefined;
  /** Numbers of readable images by mode (`rgb`, `grey`, ...) and format. */
  readonly modes: Readonly<Record<string, number>>;
  readonly formats: Readonly<Record<string, number>>;
  /** What was skipped, joined or found elsewhere while the data was read, and which lists are cut, as sentences. */
  readonly notes: readonly string[];
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** What `checkDataset` does: opens the images, then compares them with one another. */
export type CheckStage = 'scan' | 'duplicates';

/**
 * Opens every image of a data set and reports the findings.
 * @param onProgress called with the number of images that are done
 * @param cacheFolder as for `scanImages`
 */
export async function checkDataset(
  dataset: Dataset,
  onProgress: (done: number, total: number, stage: CheckStage) => void = () => {},
  cacheFolder?: string,
): Promise<DatasetReport> {
  const files = [...dataset.train, ...dataset.val].map((sample) => sample.file);
  const scan = await scanImages(files, (done, total) => onProgress(done, total, 'scan'), cacheFolder);
  return reportOf(dataset, scan, (done, total) => onProgress(done, total, 'duplicates'));
}

/**
 * The report on a data set whose images are scanned already.
 * @param onProgress called with the number of images that are compared
 */
export async function reportOf(
  dataset: Dataset,
  scan: Scan,
  onProgress?: (done: number, total: number) => void,
): Promise<DatasetReport> {
  const { classes, train, val } = dataset;
  const trainCounts = countsOf(train, classes.length);
  const valCounts = countsOf(val, classes.length);
  const present = trainCounts.filter((count) => count > 0);
  const rows = await rowsByFile(dataset);
  const labelsOf = (file: string): string[] => [...new Set(rows.get(file)!.map(({ label }) => classes[label]!))];
  const partsOf = (file: string): Part[] => [...new Set(rows.get(file)!.map(({ part }) => part))];
  const repeats = [...rows].filter(([, occurrences]) => occurrences.length > 1);
  const { pairs: found, largeGroups } = await findDuplicates(scan.images.values(), onProgress);
  const pairs = found.map((pair) => {
    return { ...pair, labelsOfA: labelsOf(pair.a), labelsOfB: labelsOf(pair.b) };
  });
  const leaks: Duplicate[] = repeats
    .map(([file]) => file)
    .filter((file) => partsOf(file).length === 2)
    .map((file) => ({ a: file, b: file, exact: true, labelsOfA: labelsOf(file), labelsOfB: labelsOf(file) }));
  const isLeak = ({ a, b }: DuplicatePair): boolean => new Set([...partsOf(a), ...partsOf(b)]).size === 2;
  const images = [...scan.images.values()];
  return {
    fingerprint: await fingerprintOf(dataset, scan),
    train: train.length,
    val: val.length,
    classes: classes.map((label, i) => ({ label, train: trainCounts[i]!, val: valCounts[i]! })),
    imbalanceRatio:
      present.length === 0 ? 1 : present.reduce((a, b) => Math.max(a, b)) / present.reduce((a, b) => Math.min(a, b)),
    absentFromTrain: classes.filter((_, i) => trainCounts[i] === 0),
    absentFromVal: val.length === 0 ? [] : classes.filter((_, i) => valCounts[i] === 0),
    bad: scan.bad.map((image) => ({ ...image, parts: partsOf(image.file) })),
    repeats: repeats.map(([file, occurrences]) => ({ file, rows: occurrences.length, labels: labelsOf(file) })),
    conflicts: [
      ...repeats.map(([file]) => ({ files: [file], labels: labelsOf(file) })),
      ...pairs.map(({ a, b, labelsOfA, labelsOfB }) => {
        return { files: [a, b], labels: [...new Set([...labelsOfA, ...labelsOfB])] };
      }),
    ].filter(({ labels }) => labels.length > 1),
    leaks: [...leaks, ...pairs.filter(isLeak)],
    duplicates: pairs.filter((pair) => !isLeak(pair)),
    sizes:
      images.length === 0
        ? undefined
        : { width: spread(images.map((image) => image.width)), height: spread(images.map((image) => image.height)) },
    modes: tally(images.map((image) => image.mode)),
    formats: tally(images.map((image) => image.format)),
    notes: [...(dataset.notes ?? []), ...largeGroups.map(noteOfLargeGroup)],
  };
}

const noteOfLargeGroup = (images: number): string =>
  `A group of ${plural(images, 'image')} looks alike: of its pairs of duplicates, only those that connect it are listed.`;

function countsOf(samples: readonly Sample[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const { label } of samples) counts[label]!++;
  return counts;
}

async function rowsByFile({ train, val }: Dataset): Promise<Map<string, { part: Part; label: number }[]>> {
  const rows = new Map<string, { part: Part; label: number }[]>();
  const turns = new Turns();
  const add = (part: Part, { file, label }: Sample): void => {
    const occurrences = rows.get(file);
    if (occurrences === undefined) rows.set(file, [{ part, label }]);
    else occurrences.push({ part, label });
  };
  for (const [part, samples] of [
    ['train', train],
    ['val', val],
  ] as const) {
    for (const sample of samples) {
      add(part, sample);
      if (turns.due) await turns.next();
    }
  }
  return rows;
}

function spread(values: number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  return { min: sorted[0]!, median: sorted[sorted.length >> 1]!, max: sorted.at(-1)! };
}

function tally(values: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return Object.fromEntries(counts);
}
