import { type ResumeOptions, resumeRun, type TrainOptions, type TrainResult, trainRun } from '../train/index.js';
import { exportRuns } from './export-runs.js';

/**
 * Trains a classifier and writes a run folder to `run`, with the best checkpoint exported to `model.onnx`: of a cross-validation
 * those of all folds, whose logits the file averages.
 *
 * @throws ConfigError, DataError, ExportError, ImageError, RunError, WeightsError, WeightsFileError or TrainingError, each
 * with one sentence for the user; files that were written before are kept
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  return exportBest(await trainRun(options));
}

/**
 * Continues a run that was interrupted or killed. It ends with the same weights, bit for bit, as an uninterrupted run on
 * the same machine with the same number of threads. A finished run is left as it is.
 *
 * @throws as `train`; ConfigError if the data has changed
 */
export async function resume(options: ResumeOptions): Promise<TrainResult> {
  return exportBest(await resumeRun(options));
}

function exportBest(result: TrainResult): TrainResult {
  const hasModel = result.best !== undefined || result.outOfFold !== undefined;
  if (!result.interrupted && hasModel) exportRuns({ runs: [result.run] });
  return result;
}
