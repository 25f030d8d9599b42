import type { Config, TrainEvent } from '../../train/index.js';
import type { TrainedRun } from '../../workflows/index.js';
import type { ErrorReport } from '../output/errors.js';

/**
 * What the training process is to do: start a new run if there is a configuration, otherwise resume one. With other processes,
 * if its environment says so.
 */
export interface Job {
  readonly run: string;
  readonly config?: Config;
  /** Settings to change while resuming. */
  readonly changes?: Partial<Config>;
  /** Resume the run if it is there. */
  readonly resumeIfExists?: boolean;
  /** How long to wait for other processes. */
  readonly timeoutSeconds?: number;
}

export type ToTraining = { readonly type: 'start'; readonly job: Job } | { readonly type: 'stop' };

export type FromTraining =
  | { readonly type: 'event'; readonly event: TrainEvent }
  | { readonly type: 'done'; readonly result: TrainedRun }
  | { readonly type: 'failed'; readonly report: ErrorReport };
