import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { load, type ModelMetadata, metadataOf, type NodeModel } from '@evenhand/predict';
import type { PredictSettings } from './flags.js';

/** A model for a prediction. */
export interface Opened {
  readonly metadata: ModelMetadata;
  /** Absent where there was no time to load it. */
  readonly model?: NodeModel;
}

/** Loads the model; under a time limit gives up waiting for it when that has passed. @throws ModelError */
export async function openModel(settings: PredictSettings, count: number): Promise<Opened> {
  const loading = load(settings.model, settings);
  const deadline = deadlineOf(settings, count);
  if (deadline === undefined) {
    const model = await loading;
    return { metadata: model.metadata, model };
  }
  const timer = new AbortController();
  const late = sleep(Math.max(0, deadline - performance.now()), undefined, { signal: timer.signal }).catch(() => {});
  const model = await Promise.race([loading, late]);
  timer.abort();
  if (model) return { metadata: model.metadata, model };
  void loading.then((each) => each.close()).catch(() => {});
  return { metadata: metadataOf(readFileSync(settings.model), settings.model, settings) };
}

/** Milliseconds that are set aside for writing the files at the end: some, and 5 a thousand rows. */
const SET_ASIDE = 500;
const SET_ASIDE_A_ROW = 0.005;

/** When the last image must have its answer, in milliseconds since the program began. */
export function deadlineOf({ timeLimit }: PredictSettings, count: number): number | undefined {
  return timeLimit === undefined ? undefined : timeLimit - SET_ASIDE - SET_ASIDE_A_ROW * count;
}
