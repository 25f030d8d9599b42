import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { load, ModelError, type ModelMetadata, metadataOf, type NodeModel, readModelFile } from '@evenhand/predict';
import type { Part } from '../../part.js';
import type { PredictSettings } from './flags.js';
import type { Head } from './journal.js';

/** A model for a prediction. */
export interface OpenedModel {
  readonly metadata: ModelMetadata;
  /** SHA-256 of its file. */
  readonly hash: string;
  /** Undefined if there was no time to load it. */
  readonly model: NodeModel | undefined;
}

/**
 * Reads and loads the model. With a time limit, it stops waiting when the limit is reached.
 *
 * @throws ModelError if the file is not a usable model, or could not even be read in time
 */
export async function openModel(settings: PredictSettings, count: number): Promise<OpenedModel> {
  const file = settings.model;
  const deadline = deadlineOf(settings, count);
  // Nothing can be written without the class names, so this read gets some time even if the limit has passed.
  const readBy = deadline && Math.max(deadline, performance.now() + READING);
  const bytes = await beforeDeadline(readModelFile(file), readBy);
  if (bytes === undefined) {
    throw new ModelError(`${file}: it could not be read within the time limit; copy it to a local disk.`);
  }
  const metadata = metadataOf(bytes, file, settings);
  const loading = load(file, settings);
  const model = await beforeDeadline(loading, deadline);
  if (model === undefined) void loading.then((late) => late.close()).catch(() => {});
  return { metadata, hash: sha256(bytes), model };
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What predictions must have in common to be written to one file. @param fingerprint of the list of images */
export const headOf = ({ tta, probs }: PredictSettings, model: string, fingerprint: string, shard?: Part): Head => ({
  model,
  tta,
  images: fingerprint,
  probs: probs !== undefined,
  ...(shard ? { shard: `${shard.index}/${shard.count}` } : {}),
});

/** The result of `promise`; undefined if the deadline, in milliseconds of `performance.now()`, comes first. */
async function beforeDeadline<T>(promise: Promise<T>, deadline: number | undefined): Promise<T | undefined> {
  if (deadline === undefined) return promise;
  const timer = new AbortController();
  const wait = Math.min(Math.max(0, deadline - performance.now()), 2 ** 31 - 1);
  const late = sleep(wait, undefined, { signal: timer.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}

/** How long reading the model file may take in any case, in milliseconds. */
const READING = 2000;

/** Milliseconds reserved for writing the output: a fixed part, and one per row. */
const RESERVE = 500;
const RESERVE_PER_ROW = 0.005;

/** When the last image must be done, in milliseconds since the program started. */
export function deadlineOf({ timeLimit }: PredictSettings, count: number): number | undefined {
  return timeLimit === undefined ? undefined : timeLimit - RESERVE - RESERVE_PER_ROW * count;
}
