import { readFile } from 'node:fs/promises';
import { DataError } from '../errors.js';

/** Distinct labels in order: as numbers where all are integers, else by character code. */
export function sortLabels(labels: Iterable<string>): string[] {
  const distinct = [...new Set(labels)];
  const byCode = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  if (!distinct.every((label) => /^[+-]?\d+$/.test(label))) return distinct.sort(byCode);
  return distinct.sort((a, b) => Number(a) - Number(b) || byCode(a, b));
}

/**
 * Reads a label list, a label a line; its order is the order of the classes. Undefined where the file does not exist.
 * @throws DataError when it is empty or names a label twice
 */
export async function readLabelList(file: string): Promise<string[] | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new DataError(`${file} cannot be read: ${(error as Error).message}.`);
  }
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const labels = lines.map((line) => line.trim()).filter((line) => line !== '');
  if (labels.length === 0) throw new DataError(`${file} is empty; expected a label a line.`);
  const repeated = labels.find((label, i) => labels.indexOf(label) !== i);
  if (repeated !== undefined) throw new DataError(`${file} names the label "${repeated}" twice; each may stand once.`);
  return labels;
}
