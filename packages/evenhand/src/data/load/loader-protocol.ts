import type { Preset } from '@evenhand/predict';
import { type Part, rangeOf } from '../../part.js';
import type { AugmentOptions } from '../augment/index.js';
import type { RecordKind } from '../records/kind.js';
import type { SharedRecords } from '../records/shared.js';

/**
 * The positions of a part of a batch: from `start` to before `end`. An incomplete batch, the positions up to before `total`,
 * is divided as evenly as it can be, so that no part is empty if there are at least as many positions as parts.
 */
export function positionsOf(
  batch: number,
  batchSize: number,
  total: number,
  part: Part,
): { start: number; end: number } {
  const first = batch * batchSize;
  const { start, end } = rangeOf(part, Math.min(batchSize, total - first));
  return { start: first + start, end: first + end };
}

/** What a worker receives when it starts. */
export interface WorkerSetup {
  readonly files: readonly string[];
  readonly preset: Preset;
  readonly batchSize: number;
  readonly slots: number;
  readonly part: Part;
  readonly seed: number;
  /** Undefined for the preset's evaluation pipeline. */
  readonly augment: AugmentOptions | undefined;
  /** What images are decoded to, before they are augmented. */
  readonly kind: RecordKind;
  /** The cache of the records; undefined if there is none. */
  readonly records: SharedRecords | undefined;
}

/** One pass over the samples. The workers share its arrays; `pixels` holds `slots` batches. */
export interface Pass {
  readonly kind: 'pass';
  readonly id: number;
  readonly epoch: number;
  /** int32: the sample index at each position. */
  readonly order: SharedArrayBuffer;
  /** The number of positions in all parts; the rest of `order` is dropped. */
  readonly end: number;
  readonly startBatch: number;
  /** uint8 [slots, batchSize / part.count, crop, crop, 3] */
  readonly pixels: SharedArrayBuffer;
  /** int32 [1 + slots]: the next sample of the part to load, and the number of samples done in each slot. */
  readonly progress: SharedArrayBuffer;
}

export type ToWorker =
  | Pass
  /** All batches before `upTo` were consumed, so their slots may be overwritten. */
  | { readonly kind: 'taken'; readonly id: number; readonly upTo: number }
  | { readonly kind: 'stop'; readonly id: number };

export type FromWorker =
  | { readonly kind: 'ready'; readonly id: number; readonly batch: number }
  /** Records cannot be written to the cache any more. */
  | { readonly kind: 'cacheFailed'; readonly reason: string }
  /** `file` is set if an image caused the failure. */
  | { readonly kind: 'failed'; readonly id: number; readonly file: string | undefined; readonly reason: string };
