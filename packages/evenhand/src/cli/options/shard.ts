import type { Part } from '../../part.js';
import { describeValue } from '../../printable.js';
import { UsageError } from '../output/errors.js';
import type { Parsed } from './flags.js';

/** The shard of `--shard I/N`; undefined without the flag. @throws UsageError if it is none */
export function readShard(flags: Parsed['flags']): Part | undefined {
  const text = flags.get('shard');
  if (text === undefined) return undefined;
  const [, index, count] = /^(\d{1,9})\/(\d{1,9})$/.exec(text) ?? [];
  if (index !== undefined && Number(index) < Number(count)) return { index: Number(index), count: Number(count) };
  throw new UsageError(`--shard must be I/N with I from 0 to N - 1, such as 0/4, got ${describeValue(text)}`);
}
