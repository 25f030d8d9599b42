import type { Interval } from '../metrics/index.js';
import { RunFolder } from '../run/index.js';
import {
  configOfRun,
  type ResumeOptions,
  readOptions,
  resumeRun,
  type TrainOptions,
  type TrainResult,
  trainRun,
} from '../train/index.js';
import { evaluate } from './evaluate.js';
import { exportRuns } from './export-runs.js';

/** A training with its export. */
export interface TrainedRun extends TrainResult {
  /** Of a cross-validation whose data has validation images: Macro F1 of the model on them, which no training has seen. */
  readonly check?: Interval & { readonly images: number };
}

/**
 * Trains a classifier and writes a run folder to `run`, with the best checkpoint exported to `model.onnx`. Of a cross-validation
 * that is the model that `combine` makes of all folds.
 *
 * @throws ConfigError, DataError, ExportError, ImageError, RunError, WeightsError, WeightsFileError or TrainingError, each
 * with one sentence for the user; files that were written before are kept
 */
export async function train(options: TrainOptions): Promise<TrainedRun> {
  return exportBest(await trainRun(options), options);
}

/**
 * Continues a run that was interrupted or killed. It ends with the same weights, bit for bit, as an uninterrupted run on
 * the same machine with the same number of threads. A finished run is left as it is.
 *
 * @throws as `train`; ConfigError if the data has changed
 */
export async function resume(options: ResumeOptions): Promise<TrainedRun> {
  return exportBest(await resumeRun(options), options);
}

async function exportBest(result: TrainResult, { onEvent }: Pick<TrainOptions, 'onEvent'>): Promise<TrainedRun> {
  const { run, best, outOfFold, interrupted } = result;
  if (interrupted || (best === undefined && outOfFold === undefined)) return result;
  exportRuns({ runs: [run] });
  const folder = RunFolder.open(run);
  const images = folder.readEnvironment().dataset.val;
  if (outOfFold === undefined || images === 0) return result;
  const config = configOfRun(folder);
  const { device, threads, cache, data } = config;
  const { interval } = await evaluate({
    run,
    data,
    part: 'val',
    read: readOptions(config),
    device,
    threads,
    cache,
    ...(onEvent ? { onEvent } : {}),
  });
  return { ...result, check: { ...interval, images } };
}
