import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Dataset, Sample } from '../read/formats.js';
import { Turns } from '../turns.js';
import type { Scan } from './scan.js';

/** Lines that are sorted at once: about 20 ms. */
const RUN = 1 << 14;

/**
 * Identifies the data: the SHA-256 (hexadecimal) of part, file name, file size and label of all rows, sorted. It depends
 * neither on the folder nor on the order of the rows. The event loop runs meanwhile.
 */
export async function fingerprintOf(dataset: Dataset, scan: Scan): Promise<string> {
  const turns = new Turns();
  return sha256(await sorted(rowLines(dataset, scan), turns), turns);
}

/**
 * Identifies the data together with its order and its split into training and validation: the same SHA-256 without
 * sorting. Hold-out depends on the order of the rows, so a reordered train.csv has other validation images.
 */
export async function splitFingerprintOf(dataset: Dataset, scan: Scan): Promise<string> {
  return sha256(rowLines(dataset, scan), new Turns());
}

function* rowLines({ classes, train, val }: Dataset, { images }: Scan): Generator<string> {
  const line = (part: string, { file, label }: Sample): string =>
    `${part}\t${path.basename(file)}\t${images.get(file)?.bytes ?? 'unreadable'}\t${classes[label]}`;
  for (const sample of train) yield line('train', sample);
  for (const sample of val) yield line('val', sample);
}

/** As `lines.sort()` orders them (merge sort). */
async function sorted(lines: Iterable<string>, turns: Turns): Promise<string[]> {
  let runs: string[][] = [];
  let run: string[] = [];
  for (const line of lines) {
    run.push(line);
    if (run.length < RUN) continue;
    runs.push(run.sort());
    run = [];
    await turns.next();
  }
  runs.push(run.sort());
  while (runs.length > 1) {
    const merged: string[][] = [];
    for (let r = 0; r < runs.length; r += 2) merged.push(await merge(runs[r]!, runs[r + 1] ?? [], turns));
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge(a: readonly string[], b: readonly string[], turns: Turns): Promise<string[]> {
  const merged: string[] = [];
  for (let [i, j] = [0, 0]; i < a.length || j < b.length; ) {
    merged.push(j === b.length || (i < a.length && a[i]! <= b[j]!) ? a[i++]! : b[j++]!);
    if (merged.length % RUN === 0) await turns.next();
  }
  return merged;
}

/** Of the lines with line breaks between them. */
async function sha256(lines: Iterable<string>, turns: Turns): Promise<string> {
  const hash = createHash('sha256');
  let count = 0;
  for (const line of lines) {
    hash.update(count > 0 ? `\n${line}` : line);
    if (++count % RUN === 0) await turns.next();
  }
  return hash.digest('hex');
}
