import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { metadataOf, readModelFile } from '@evenhand/predict';
import type { UnlabelledSource } from '../../data/index.js';
import { plural } from '../../format.js';
import { rangeOf } from '../../part.js';
import { exitCodes, UsageError } from '../output/errors.js';
import { quoted } from '../output/text.js';
import type { PredictSettings } from './flags.js';
import { type Entry, entriesIn, journalPath, readKept } from './journal.js';
import { headOf, sha256 } from './open.js';
import { writePredictions } from './write.js';

/**
 * Writes the output of `predict` from the files of its shards, and removes them.
 *
 * @throws UsageError if a shard is missing or not complete, or was made by another model, of other images or with other settings
 */
export async function mergeShards(
  settings: PredictSettings,
  source: UnlabelledSource,
  total: number,
  fingerprint: string,
): Promise<number> {
  const out = settings.out!;
  const bytes = await readModelFile(settings.model);
  const { classes } = metadataOf(bytes, settings.model, settings);
  const count = countShards(out);
  const shards = Array.from({ length: count }, (_, index) => ({ index, count }));
  const paths = shards.map((shard) => journalPath(out, shard));
  let failed = 0;
  for (const [i, shard] of shards.entries()) {
    const kept = await readKept(paths[i]!, headOf(settings, sha256(bytes), fingerprint, shard));
    const { start, end } = rangeOf(shard, total);
    const done = kept?.done ?? 0;
    if (done !== end - start) {
      throw new UsageError(
        `Shard ${shard.index} of ${count} has ${done} of ${plural(end - start, 'prediction')} (${paths[i]}): run it again, which continues it`,
      );
    }
    failed += kept?.failed ?? 0;
  }
  async function* entries(): AsyncGenerator<Entry> {
    for (const path of paths) yield* entriesIn(path);
  }
  await writePredictions(settings, source, classes, entries);
  for (const path of paths) rmSync(path);
  console.log(`Merged ${plural(total, 'prediction')} of ${plural(count, 'shard')} into ${quoted(out)}.`);
  if (failed === 0) return exitCodes.done;
  console.error(`${plural(failed, 'image')} could not be predicted and were assigned the most frequent class.`);
  return exitCodes.incomplete;
}

/** The number of shards beside `out`, all of which are there. */
function countShards(out: string): number {
  const folder = dirname(out);
  const name = basename(journalPath(out, { index: 0, count: 1 })).replace(/0-of-1$/, '');
  const found = new Map<number, Set<number>>();
  for (const file of readdirSync(folder)) {
    const [, index, count] = (file.startsWith(name) && /^(\d+)-of-(\d+)$/.exec(file.slice(name.length))) || [];
    if (index === undefined) continue;
    found.set(Number(count), (found.get(Number(count)) ?? new Set()).add(Number(index)));
  }
  if (found.size === 0) {
    throw new UsageError(`There are no shards of ${out} (${join(folder, name)}I-of-N): predict with --shard I/N first`);
  }
  if (found.size > 1) {
    throw new UsageError(
      `There are shards of ${out} of different numbers (${[...found.keys()].map((n) => `of ${n}`).join(', ')}): remove those that are not wanted`,
    );
  }
  const [[count, there]] = found as unknown as [[number, Set<number>]];
  const missing = Array.from({ length: count }, (_, i) => i).filter((i) => !there.has(i));
  if (missing.length === 0) return count;
  const shown = missing.slice(0, 10).join(', ');
  const rest = missing.length > 10 ? `, and ${missing.length - 10} more` : '';
  throw new UsageError(`Of the ${count} shards of ${out}, these are missing: ${shown}${rest}`);
}
