import { readFile } from 'node:fs/promises';
import { printable } from '../../printable.js';
import { DataError } from '../errors.js';
import { binaryKind } from './file-kind.js';
import { whyNotRegular } from './regular-file.js';
import { encodingOf, toUtf8 } from './text-stream.js';

/** Distinct labels in order: numerically if all are integers, else by character code. */
export function sortLabels(labels: Iterable<string>): string[] {
  const distinct = [...new Set(labels)];
  const byCode = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  if (!distinct.every((label) => /^[+-]?\d+$/.test(label))) return distinct.sort(byCode);
  return distinct.sort((a, b) => Number(a) - Number(b) || byCode(a, b));
}

/**
 * Reads a label list, one label per line; its order is the order of the classes. Undefined if the file does not exist.
 * @throws DataError if it is empty, is not a text file, or names a label twice
 */
export async function readLabelList(file: string): Promise<string[] | undefined> {
  const reason = await whyNotRegular(file);
  if (reason === 'there is no such file') return undefined;
  if (reason !== undefined) throw new DataError(`${file} cannot be read: ${reason}.`);
  const bytes = await readFile(file).catch((error: Error) => {
    throw new DataError(`${file} cannot be read: ${error.message}.`);
  });
  const encoding = encodingOf(bytes);
  const other = encoding === 'utf-8' ? binaryKind(bytes, file) : undefined;
  if (other !== undefined) throw new DataError(`${file} is ${other.kind}; expected a text file, one label per line.`);
  const chunks: Buffer[] = [];
  for await (const chunk of toUtf8(file, encoding, only(bytes))) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString('utf8').replace(/^\uFEFF/, '').split(/\r\n|\r|\n/); // biome-ignore format: one line
  const labels = lines.map((line) => line.trim()).filter((line) => line !== '');
  if (labels.length === 0) throw new DataError(`${file} is empty; expected one label per line.`);
  const seen = new Set<string>();
  for (const label of labels) {
    if (seen.has(label)) {
      throw new DataError(`${file} names the label "${printable(label)}" twice; remove one of the two lines.`);
    }
    seen.add(label);
  }
  return labels;
}

async function* only(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield bytes;
}

/** Values that spreadsheets and pandas write for a missing label. */
const MISSING = /^(|nan|null|<na>|#n\/a|n\/a)$/i;

/** A test whether a table's value means that there is no label. A word such as `nan` is a label if the list has it. */
export function missingLabelTest(listed: readonly string[] | undefined): (value: string) => boolean {
  const labels = new Set(listed);
  return (value) => MISSING.test(value) && !labels.has(value);
}

export interface JoinedLabels {
  /** In the order of the label list, else sorted. */
  readonly classes: readonly string[];
  /** The class of each spelling. Spellings without a class are not in the label list. */
  readonly classOf: ReadonlyMap<string, string>;
  /** One sentence each: spellings that were joined, and classes that look alike but were not joined. */
  readonly notes: readonly string[];
}

/**
 * The classes of labels. Spellings that certainly mean the same class are joined: Unicode forms that look the same (NFC
 * on Linux, NFD on a Mac), outer or repeated spaces, and `1` and `1.0` if all labels are integers. Labels that differ in
 * upper and lower case and the like stay apart, and a note names them.
 * @param listed the label list, if there is one: it decides on the classes
 */
export function joinLabels(labels: Iterable<string>, listed: readonly string[] | undefined): JoinedLabels {
  const spellings = [...new Set(labels)];
  const allIntegers = [...spellings, ...(listed ?? [])].every((label) => /^\s*[+-]?\d+(\.0+)?\s*$/.test(label));
  const keyOf = (label: string): string => {
    const text = label.normalize('NFC').trim().replace(/\s+/g, ' ');
    return allIntegers ? text.replace(/\.0+$/, '') : text;
  };
  const classOf = new Map<string, string>();
  if (listed !== undefined) {
    const exact = new Set(listed);
    const byKey = groupBy(listed, keyOf);
    for (const spelling of spellings) {
      const candidates = byKey.get(keyOf(spelling)) ?? [];
      if (exact.has(spelling)) classOf.set(spelling, spelling);
      else if (candidates.length === 1) classOf.set(spelling, candidates[0]!);
    }
  } else {
    for (const [key, group] of groupBy(spellings, keyOf)) {
      for (const spelling of group) classOf.set(spelling, group.length === 1 ? spelling : key);
    }
  }
  const classes = listed ?? sortLabels(classOf.values());
  return { classes, classOf, notes: [...joinedNotes(classOf), ...(listed === undefined ? alikeNotes(classes) : [])] };
}

/** How many labels a note names. */
const SHOWN = 5;

function joinedNotes(classOf: ReadonlyMap<string, string>): string[] {
  const joined = [...classOf].filter(([spelling, name]) => spelling !== name);
  if (joined.length === 0) return [];
  const shown = joined.slice(0, SHOWN).map(([spelling, name]) => `${quoted(spelling)} as ${quoted(name)}`);
  if (joined.length > SHOWN) shown.push(`and ${joined.length - SHOWN} more`);
  return [`Labels with several spellings were joined: ${shown.join(', ')}.`];
}

function alikeNotes(classes: readonly string[]): string[] {
  const loose = (label: string): string => {
    const text = label.normalize('NFKC').trim().toLowerCase().replace(/[\s_-]+/g, ' '); // biome-ignore format: one line
    return /^[+-]?\d+(\.\d+)?$/.test(text) ? String(Number(text)) : text;
  };
  const groups = [...groupBy(classes, loose).values()].filter((group) => group.length > 1);
  if (groups.length === 0) return [];
  const shown = groups.slice(0, SHOWN).map((group) => group.slice(0, SHOWN).map(quoted).join(' and '));
  if (groups.length > SHOWN) shown.push(`and ${groups.length - SHOWN} more`);
  return [`Some labels look alike but are different classes: ${shown.join('; ')}. If they are one class, rename them.`];
}

/** A label in quotes. Combining marks are shown by their codes: with them, different labels can look the same. */
function quoted(label: string): string {
  const codeOf = (mark: string): string => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const isComposed = label.normalize('NFC') === label;
  return `"${printable(isComposed ? label : label.replace(/\p{M}/gu, codeOf), 60)}"`;
}

function groupBy(labels: readonly string[], keyOf: (label: string) => string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const label of labels) {
    const key = keyOf(label);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [label]);
    else group.push(label);
  }
  return groups;
}
