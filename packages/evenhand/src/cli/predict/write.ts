import type { UnlabelledSource } from '../../data/index.js';
import { csv, writeLines } from '../output/files.js';
import type { PredictSettings } from './flags.js';
import type { Entry } from './journal.js';

/** Writes the files of `--out` and `--probs`. `entries` gives one entry for each row, in order. */
export async function writePredictions(
  settings: Pick<PredictSettings, 'out' | 'probs' | 'csvSafe'>,
  source: UnlabelledSource,
  classes: readonly string[],
  entries: () => AsyncGenerator<Entry>,
): Promise<void> {
  const { out, probs, csvSafe } = settings;
  async function* table(columns: readonly string[], cellsOf: (entry: Entry) => readonly string[]) {
    const options = { safe: csvSafe };
    yield csv([[source.idName, ...columns]], options);
    const all = entries();
    for await (const { id } of source.rows()) {
      const { value } = await all.next();
      yield csv([[id, ...cellsOf(value as Entry)]], options);
    }
  }
  await writeLines(
    out!,
    table(['label'], ({ label }) => [label]),
  );
  // A row without a prediction of its own has empty cells.
  const empty = classes.map(() => '');
  const cells = ({ probabilities }: Entry) => probabilities?.map((p) => p.toPrecision(8)) ?? empty;
  if (probs !== undefined) await writeLines(probs, table(classes, cells));
}
