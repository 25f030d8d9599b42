// corrections.csv: a person's verdicts on labels. The audit page writes and reads it in a browser, training reads it in
// Node, so this file needs neither.

import { printable } from './printable.js';

/** `accept` changes the label of the image, `keep` confirms it, `drop` removes the image. */
export type Verdict = 'accept' | 'keep' | 'drop';

export interface Correction {
  /** Path relative to the data. */
  readonly file: string;
  /** The label in the data. */
  readonly given: string;
  readonly verdict: Verdict;
  /** The label from now on; empty if the image is removed. */
  readonly label: string;
}

/** A parsed CSV file. */
interface Table {
  readonly columns: readonly string[];
  /** Each with its line in the file and its values in the order of the columns. */
  readonly rows: readonly { readonly line: number; readonly values: readonly string[] }[];
}

/** A corrections.csv that cannot be used. The message names the file and the line. */
export class CorrectionsError extends Error {}

const COLUMNS = ['file', 'given', 'verdict', 'label'] as const;

const quoted = (cell: string): string => (/[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** The text of a corrections.csv. */
export function correctionsCsv(corrections: Iterable<Correction>): string {
  const rows = Array.from(corrections, (correction) => COLUMNS.map((column) => correction[column]));
  return [COLUMNS, ...rows].map((row) => `${row.map(quoted).join(',')}\n`).join('');
}

/**
 * Reads and checks the rows of a corrections.csv.
 *
 * @param name what messages call the file
 * @param classes all labels of the data
 * @throws CorrectionsError if a column is missing, an image has two verdicts, or a verdict or label is unknown
 */
export function correctionsOf(
  { columns, rows }: Table,
  name: string,
  classes: readonly string[],
): (Correction & { readonly line: number })[] {
  const places = COLUMNS.map((column) => columns.indexOf(column));
  const missing = COLUMNS.find((_, i) => places[i]! < 0);
  if (missing !== undefined) {
    throw new CorrectionsError(
      `${name} is not a corrections.csv: it has no column "${missing}"; expected the columns ${COLUMNS.join(', ')}.`,
    );
  }
  const known = new Set(classes);
  const seen = new Map<string, number>();
  return rows.map(({ line, values }) => {
    const [file, given, verdict, label] = places.map((place) => values[place]!) as [string, string, string, string];
    const refuse = (reason: string): never => {
      throw new CorrectionsError(`${name}, line ${line}: ${reason}.`);
    };
    const requireClass = (text: string): void => {
      if (!known.has(text))
        refuse(`the label "${printable(text)}" is not one of the ${classes.length} labels of the data`);
    };
    if (file === '') refuse('the file name is empty');
    const key = JSON.stringify([file, given]);
    if (seen.has(key)) refuse(`"${printable(file)}" already has a verdict in line ${seen.get(key)}`);
    seen.set(key, line);
    if (!isVerdict(verdict)) return refuse(`the verdict is "${printable(verdict)}"; expected accept, keep or drop`);
    requireClass(given);
    if (verdict === 'accept') requireClass(label);
    if (verdict === 'keep' && label !== '' && label !== given) {
      refuse(`the verdict is keep, but the label "${printable(label)}" is not "${printable(given)}"`);
    }
    if (verdict === 'drop' && label !== '' && label !== given) {
      refuse(`the verdict is drop, but there is a label, "${printable(label)}"`);
    }
    return { line, file, given, verdict, label: { accept: label, keep: given, drop: '' }[verdict] };
  });
}

export const isVerdict = (value: unknown): value is Verdict =>
  value === 'accept' || value === 'keep' || value === 'drop';
