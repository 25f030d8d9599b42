import type { Config, TrainEvent, TrainResult } from '../../train/index.js';
import type { Told } from '../output/errors.js';

/** What the training process is asked to do: a new run where there is a configuration, else to go on with one. */
export interface Job {
  readonly run: string;
  readonly config?: Config;
}

export type ToTraining = { readonly type: 'start'; readonly job: Job } | { readonly type: 'stop' };

export type FromTraining =
  | { readonly type: 'event'; readonly event: TrainEvent }
  | { readonly type: 'done'; readonly result: TrainResult }
  | { readonly type: 'failed'; readonly told: Told };
