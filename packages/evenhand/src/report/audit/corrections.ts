// corrections.csv, for the page as it is written and for its script.
import { parse } from 'csv-parse/browser/esm/sync';

/** The label becomes another, stays, or the image is left out. */
export type Verdict = 'accept' | 'keep' | 'drop';

export interface Correction {
  readonly file: string;
  readonly given: string;
  readonly verdict: Verdict;
  /** The label from now on; empty where the image is left out. */
  readonly label: string;
}

const HEADER = ['file', 'given', 'verdict', 'label'];

const quoted = (cell: string): string => (/[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

export function correctionsCsv(corrections: Iterable<Correction>): string {
  const rows = Array.from(corrections, ({ file, given, verdict, label }) => [file, given, verdict, label]);
  return [HEADER, ...rows].map((row) => `${row.map(quoted).join(',')}\n`).join('');
}

/**
 * Reads a corrections.csv back.
 *
 * @throws Error with a sentence for the reader where the file is none, or says what cannot be
 */
export function readCorrections(text: string, classes: readonly string[]): Correction[] {
  const known = new Set(classes);
  const files = new Set<string>();
  const [head, ...rows] = rowsOf(text);
  if (head?.length !== HEADER.length || head.join() !== HEADER.join()) {
    throw new Error(`This is no corrections.csv: its first line is not ${HEADER.join()}.`);
  }
  return rows.map((row, i) => {
    const [file, given, verdict, label] = row as [string, string, string, string];
    const refuse = (why: string): never => {
      throw new Error(`This corrections.csv cannot be used: row ${i + 1}, of ${file || 'no file'}, ${why}.`);
    };
    if (file === '') refuse('names no image');
    if (files.has(file)) refuse('is there twice');
    files.add(file);
    if (!isVerdict(verdict)) return refuse(`has the verdict “${verdict}”, which is none of accept, keep and drop`);
    if (!known.has(given)) refuse(`has the label “${given}”, which is no class of these data`);
    if (verdict === 'accept' && !known.has(label)) refuse(`gets the label “${label}”, which is no class of these data`);
    if (verdict === 'keep' && label !== given) refuse(`keeps its label, but “${label}” is not “${given}”`);
    if (verdict === 'drop' && label !== '') refuse(`is dropped, but has the label “${label}”`);
    return { file, given, verdict, label };
  });
}

function rowsOf(text: string): string[][] {
  try {
    return parse(text, { bom: true, skipEmptyLines: true });
  } catch (error) {
    throw new Error(`This is no corrections.csv: ${(error as Error).message}.`, { cause: error });
  }
}

export const isVerdict = (text: unknown): text is Verdict => text === 'accept' || text === 'keep' || text === 'drop';
