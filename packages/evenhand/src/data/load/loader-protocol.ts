import type { Preset } from '@evenhand/predict';
import type { AugmentOptions } from '../augment/index.js';

/** What a worker is told once. */
export interface WorkerSetup {
  readonly files: readonly string[];
  readonly preset: Preset;
  readonly batchSize: number;
  readonly slots: number;
  readonly seed: number;
  /** Absent: the preset's evaluation pipeline. */
  readonly augment: AugmentOptions | undefined;
}

/** A pass over samples; its arrays are shared by all workers, its memory holds `slots` batches. */
export interface Pass {
  readonly kind: 'pass';
  readonly id: number;
  readonly epoch: number;
  /** int32: the sample of each position. */
  readonly order: SharedArrayBuffer;
  /** How many positions there are to make; the rest of `order` is left out. */
  readonly end: number;
  readonly startBatch: number;
  /** uint8 [slots, batchSize, crop, crop, 3] */
  readonly pixels: SharedArrayBuffer;
  /** int32 [1 + slots]: the next position to make, and how many samples of each slot are done. */
  readonly progress: SharedArrayBuffer;
}

export type ToWorker =
  | Pass
  /** All batches before `upTo` were taken, so that their slots may be written again. */
  | { readonly kind: 'taken'; readonly id: number; readonly upTo: number }
  | { readonly kind: 'stop'; readonly id: number };

export type FromWorker =
  | { readonly kind: 'ready'; readonly id: number; readonly batch: number }
  /** `file` is there where an image is to blame. */
  | { readonly kind: 'failed'; readonly id: number; readonly file: string | undefined; readonly reason: string };
