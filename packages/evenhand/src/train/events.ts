import type { EpochMetrics } from '../run/index.js';

/** What a training tells whoever watches it. Plain data, so that it can cross processes. */
export type TrainEvent =
  /** A sentence that the user should see: what was found, skipped or decided. */
  | {
      readonly type: 'note';
      readonly text: string;
      /** Further lines, only for the log of the run. */
      readonly details?: string;
    }
  | Progress
  /** A fold of a cross-validation begins: its number, counted from 1, of `folds`. */
  | { readonly type: 'fold'; readonly fold: number; readonly folds: number }
  /** The one network of a cross-validation begins. */
  | { readonly type: 'final'; readonly combine: 'refit' | 'soup' | 'distil' }
  | { readonly type: 'epoch'; readonly metrics: EpochMetrics };

export interface Progress {
  readonly type: 'progress';
  /**
   * `scan` reads the data, `duplicates` compares the images with one another, `features` runs the frozen backbone, `labels` looks for label errors, `head` and `full` train,
   * `validate` measures.
   */
  readonly stage: 'scan' | 'duplicates' | 'features' | 'labels' | 'head' | 'full' | 'validate';
  /** Counted from 1, of `epochs`, within the stage; 0 of 0 where the stage has none. */
  readonly epoch: number;
  readonly epochs: number;
  /** Images done, of `total`, in this epoch. */
  readonly done: number;
  readonly total: number;
  readonly imagesPerSecond: number;
  /** Mean training loss of the epoch so far; absent where nothing is trained. */
  readonly loss?: number;
  /** The head's learning rate. */
  readonly learningRate?: number;
}

/** Reports a stage without epochs by the images that are done, of `total`, and their speed from now on. */
export function reportProgress(
  stage: Progress['stage'],
  onEvent: (event: TrainEvent) => void,
): (done: number, total: number) => void {
  const start = performance.now();
  return (done, total) => {
    const imagesPerSecond = (done * 1000) / (performance.now() - start);
    onEvent({ type: 'progress', stage, epoch: 0, epochs: 0, done, total, imagesPerSecond });
  };
}
