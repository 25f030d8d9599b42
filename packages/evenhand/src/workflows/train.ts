import { type ResumeOptions, resumeRun, type TrainOptions, type TrainResult, trainRun } from '../train/index.js';
import { exportRun } from './export-run.js';

/**
 * Trains a classifier and leaves a run folder at `run`, with the best checkpoint as `model.onnx` in it.
 *
 * @throws ConfigError, DataError, ExportError, ImageError, RunError, WeightsError, WeightsFileError and TrainingError,
 * each with one sentence for the user; what was written before stays
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  return exported(await trainRun(options));
}

/**
 * Continues a run that was interrupted or killed. It ends with the same weights, bit for bit, as an uninterrupted run on
 * the same machine with the same number of threads. A finished run is left as it is.
 *
 * @throws as `train`; ConfigError where the data has changed since
 */
export async function resume(options: ResumeOptions): Promise<TrainResult> {
  return exported(await resumeRun(options));
}

function exported(result: TrainResult): TrainResult {
  if (!result.interrupted && result.best !== undefined) exportRun({ run: result.run });
  return result;
}
