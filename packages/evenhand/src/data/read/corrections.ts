import path from 'node:path';
import { DataError } from '../errors.js';
import { columnOf, readCsv } from './csv.js';
import type { Dataset, Sample } from './formats.js';
import { pathsRelativeTo } from './paths.js';

/** A data set after a person has looked at some of its labels. */
export interface Corrected {
  readonly dataset: Dataset;
  /** The samples whose label the person has set or confirmed. */
  readonly confirmed: ReadonlySet<Sample>;
  /** Labels that were changed, and images that were left out. */
  readonly changed: number;
  readonly dropped: number;
}

/**
 * Applies the verdicts of a CSV file with the columns `file` (relative to the data), `given`, `verdict` and `label`, as
 * the page of `evenhand audit` gives it: `accept` gives the image the label, `keep` confirms the given one, `drop` leaves
 * the image out.
 *
 * @throws DataError, a sentence with the line, for an unknown verdict or label, or an image that the data do not have
 * under the given label
 */
export async function applyCorrections(dataset: Dataset, data: string, file: string): Promise<Corrected> {
  const table = await readCsv(file);
  const pathOf = pathsRelativeTo(data);
  const [nameAt, givenAt, verdictAt, labelAt] = [
    columnOf(table, 'file', 'the images'),
    columnOf(table, 'given', 'their labels'),
    columnOf(table, 'verdict', 'the verdicts'),
    columnOf(table, 'label', 'the right labels'),
  ];
  const keyOf = (name: string, label: string) => JSON.stringify([path.normalize(name), label]);
  const samples = [...dataset.train, ...dataset.val];
  const known = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = keyOf(pathOf(sample.file), dataset.classes[sample.label]!);
    known.set(key, [...(known.get(key) ?? []), sample]);
  }
  const verdicts = new Map<Sample, Sample | null>();
  const confirmed = new Set<Sample>();
  let [changed, dropped] = [0, 0];
  for (const { line, values } of table.rows) {
    const where = `${file}, line ${line}`;
    const [name, given, verdict, label] = [nameAt, givenAt, verdictAt, labelAt].map((at) => values[at]!) as [
      string,
      string,
      string,
      string,
    ];
    const found = known.get(keyOf(name, given));
    if (found === undefined) {
      throw new DataError(`${where}: ${data} has no image ${name} with the label "${given}".`);
    }
    if (verdict !== 'accept' && verdict !== 'keep' && verdict !== 'drop') {
      throw new DataError(`${where}: the verdict is "${verdict}"; expected accept, keep or drop.`);
    }
    const target = dataset.classes.indexOf(verdict === 'accept' ? label : given);
    if (target < 0) {
      throw new DataError(
        `${where}: the label "${label}" is not among the ${dataset.classes.length} labels of ${data}.`,
      );
    }
    for (const sample of found) {
      if (verdict === 'drop') {
        verdicts.set(sample, null);
        dropped++;
        continue;
      }
      const right = { ...sample, label: target };
      verdicts.set(sample, right);
      confirmed.add(right);
      if (target !== sample.label) changed++;
    }
  }
  const corrected = (part: readonly Sample[]) =>
    part.flatMap((sample) => {
      const verdict = verdicts.get(sample);
      return verdict === null ? [] : [verdict ?? sample];
    });
  const after = { ...dataset, train: corrected(dataset.train), val: corrected(dataset.val) };
  return { dataset: after, confirmed, changed, dropped };
}
