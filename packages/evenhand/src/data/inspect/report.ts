import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Dataset, Sample } from '../read/formats.js';
import { type DuplicatePair, findDuplicates } from './duplicates.js';
import { type BadImage, type Scan, scanImages } from './scan.js';

export type Part = 'train' | 'val';

/** Two files that show the same image, with what the data says of them. */
export interface Duplicate extends DuplicatePair {
  readonly labelsOfA: readonly string[];
  readonly labelsOfB: readonly string[];
}

/** What is to be known of a data set before training; plain data that can be written as JSON. */
export interface DatasetReport {
  /** Of the file names, file sizes and labels, hexadecimal SHA-256: equal for equal data wherever it lies. */
  readonly fingerprint: string;
  readonly train: number;
  readonly val: number;
  /** Counts of rows, in the order of the classes. */
  readonly classes: readonly { readonly label: string; readonly train: number; readonly val: number }[];
  /** The largest class's training count over the smallest one's that has any. */
  readonly imbalanceRatio: number;
  readonly absentFromTrain: readonly string[];
  /** Empty where there is no validation set. */
  readonly absentFromVal: readonly string[];
  /** Files that are missing or cannot be read, and where they are named. */
  readonly bad: readonly (BadImage & { readonly parts: readonly Part[] })[];
  /** Files that stand in more than one row. */
  readonly repeats: readonly { readonly file: string; readonly rows: number; readonly labels: readonly string[] }[];
  /** Files, or pairs of files with the same image, that have more than one label. */
  readonly conflicts: readonly { readonly files: readonly string[]; readonly labels: readonly string[] }[];
  /** Images of the training set that are also in the validation set: the score would be too good. */
  readonly leaks: readonly Duplicate[];
  /** The same image twice within one part. */
  readonly duplicates: readonly Duplicate[];
  /** Widths and heights in pixels, of the readable images. */
  readonly sizes: { readonly width: Spread; readonly height: Spread } | undefined;
  /** How many readable images have each mode (`rgb`, `grey`, ...) and format. */
  readonly modes: Readonly<Record<string, number>>;
  readonly formats: Readonly<Record<string, number>>;
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/**
 * Opens every image of a data set and reports what was found.
 * @param onProgress is told how many of the files are done
 */
export async function checkDataset(
  dataset: Dataset,
  onProgress?: (done: number, total: number) => void,
): Promise<DatasetReport> {
  const files = [...dataset.train, ...dataset.val].map((sample) => sample.file);
  return reportOf(dataset, await scanImages(files, onProgress));
}

/** The report on a data set whose images were already scanned. */
export function reportOf(dataset: Dataset, scan: Scan): DatasetReport {
  const { classes, train, val } = dataset;
  const trainCounts = countsOf(train, classes.length);
  const valCounts = countsOf(val, classes.length);
  const present = trainCounts.filter((count) => count > 0);
  const rows = rowsByFile(dataset);
  const labelsOf = (file: string): string[] => [...new Set(rows.get(file)!.map(({ label }) => classes[label]!))];
  const partsOf = (file: string): Part[] => [...new Set(rows.get(file)!.map(({ part }) => part))];
  const repeats = [...rows].filter(([, of]) => of.length > 1);
  const pairs = findDuplicates(scan.images.values()).map((pair) => {
    return { ...pair, labelsOfA: labelsOf(pair.a), labelsOfB: labelsOf(pair.b) };
  });
  const leaks: Duplicate[] = repeats
    .map(([file]) => file)
    .filter((file) => partsOf(file).length === 2)
    .map((file) => ({ a: file, b: file, exact: true, labelsOfA: labelsOf(file), labelsOfB: labelsOf(file) }));
  const isLeak = ({ a, b }: DuplicatePair): boolean => new Set([...partsOf(a), ...partsOf(b)]).size === 2;
  const images = [...scan.images.values()];
  return {
    fingerprint: fingerprintOf(dataset, scan),
    train: train.length,
    val: val.length,
    classes: classes.map((label, i) => ({ label, train: trainCounts[i]!, val: valCounts[i]! })),
    imbalanceRatio: present.length === 0 ? 1 : Math.max(...present) / Math.min(...present),
    absentFromTrain: classes.filter((_, i) => trainCounts[i] === 0),
    absentFromVal: val.length === 0 ? [] : classes.filter((_, i) => valCounts[i] === 0),
    bad: scan.bad.map((image) => ({ ...image, parts: partsOf(image.file) })),
    repeats: repeats.map(([file, of]) => ({ file, rows: of.length, labels: labelsOf(file) })),
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
  };
}

/**
 * A name for the data itself: the SHA-256 of each row's file name, file size and label, in sorted order. It does not
 * depend on where the data lies or on the order of its rows.
 */
export function fingerprintOf({ classes, train, val }: Dataset, { images }: Scan): string {
  const lines = (part: Part, samples: readonly Sample[]): string[] =>
    samples.map(({ file, label }) => {
      return `${part}\t${path.basename(file)}\t${images.get(file)?.bytes ?? 'unreadable'}\t${classes[label]}`;
    });
  const all = [...lines('train', train), ...lines('val', val)].sort();
  return createHash('sha256').update(all.join('\n')).digest('hex');
}

function countsOf(samples: readonly Sample[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const { label } of samples) counts[label]!++;
  return counts;
}

function rowsByFile({ train, val }: Dataset): Map<string, { part: Part; label: number }[]> {
  const rows = new Map<string, { part: Part; label: number }[]>();
  const add = (part: Part, { file, label }: Sample): void => {
    const of = rows.get(file);
    if (of === undefined) rows.set(file, [{ part, label }]);
    else of.push({ part, label });
  };
  for (const sample of train) add('train', sample);
  for (const sample of val) add('val', sample);
  return rows;
}

function spread(values: number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  return { min: sorted[0]!, median: sorted[sorted.length >> 1]!, max: sorted.at(-1)! };
}

function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
