import path from 'node:path';
import { CorrectionsError, correctionsOf } from '../../corrections.js';
import { printable } from '../../printable.js';
import { DataError } from '../errors.js';
import { readCsv, type Table } from './csv.js';
import type { Dataset, Sample } from './formats.js';
import { pathsRelativeTo } from './paths.js';

/** A data set after a person has reviewed some of its labels. */
export interface Corrected {
  readonly dataset: Dataset;
  /** Samples whose label a person has set or confirmed. */
  readonly confirmed: ReadonlySet<Sample>;
  /** The number of labels changed and of images removed. */
  readonly changed: number;
  readonly dropped: number;
}

/**
 * Applies the verdicts of a corrections.csv, as the page of `evenhand audit` writes it.
 *
 * @throws DataError with the line, for an unknown verdict or label, or an image that the data does not have with the
 * given label
 */
export async function applyCorrections(dataset: Dataset, data: string, file: string): Promise<Corrected> {
  const table = await readCsv(file);
  const samplesByKey = indexSamples(dataset, pathsRelativeTo(data));
  const classOf = new Map(dataset.classes.map((label, i) => [label, i]));
  const replacements = new Map<Sample, Sample | null>();
  const confirmed = new Set<Sample>();
  let [changed, dropped] = [0, 0];
  for (const { line, file: name, given, verdict, label } of checkedCorrections(table, dataset.classes)) {
    const samples = samplesByKey.get(keyOf(name, given));
    if (samples === undefined) {
      throw new DataError(
        `${file}, line ${line}: ${data} has no image "${printable(name)}" with the label "${printable(given)}".`,
      );
    }
    for (const sample of samples) {
      if (verdict === 'drop') {
        replacements.set(sample, null);
        dropped++;
        continue;
      }
      const corrected = { ...sample, label: classOf.get(label)! };
      replacements.set(sample, corrected);
      confirmed.add(corrected);
      if (corrected.label !== sample.label) changed++;
    }
  }
  const correct = (samples: readonly Sample[]) =>
    samples.flatMap((sample) => {
      const replacement = replacements.get(sample);
      return replacement === null ? [] : [replacement ?? sample];
    });
  const corrected = { ...dataset, train: correct(dataset.train), val: correct(dataset.val) };
  return { dataset: corrected, confirmed, changed, dropped };
}

const keyOf = (name: string, label: string): string => JSON.stringify([path.normalize(name), label]);

/** Samples by file name and label; several rows may name the same file. */
function indexSamples({ classes, train, val }: Dataset, nameOf: (file: string) => string): Map<string, Sample[]> {
  const samplesByKey = new Map<string, Sample[]>();
  for (const sample of [...train, ...val]) {
    const key = keyOf(nameOf(sample.file), classes[sample.label]!);
    const samples = samplesByKey.get(key);
    if (samples === undefined) samplesByKey.set(key, [sample]);
    else samples.push(sample);
  }
  return samplesByKey;
}

function checkedCorrections(table: Table, classes: readonly string[]) {
  try {
    return correctionsOf(table, table.file, classes);
  } catch (error) {
    if (error instanceof CorrectionsError) throw new DataError(error.message);
    throw error;
  }
}
