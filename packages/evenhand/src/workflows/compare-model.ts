import { existsSync } from 'node:fs';
import { load } from '@evenhand/predict';
import { argmax, classificationReport, confusionMatrix } from '../metrics/index.js';
import { predictionArrays } from '../run/index.js';
import { openSource, sharedPredictions } from './members.js';
import { pathsOfPredictions } from './run-images.js';

/** Predictions of a model file, compared with those of the checkpoints that it was exported from. */
export interface Comparison {
  /** Number of validation images that were compared. */
  readonly images: number;
  /** Why no images were compared; '' if some were. */
  readonly reason: string;
  /** Largest difference between two logits. */
  readonly greatestDifference: number;
  /** Proportion of images with the same most probable class. */
  readonly agreement: number;
  /** Macro F1 over all classes. */
  readonly checkpointMacroF1: number;
  readonly fileMacroF1: number;
}

/**
 * Compares a model file with the logits of its runs' best checkpoints, their mean if there are several, for the validation
 * images that the runs share.
 *
 * @param mostImages the maximum number of images to compare
 */
export async function compareOnValidation(
  runs: readonly string[],
  modelFile: string,
  mostImages: number,
  onProgress: (done: number, total: number) => void,
): Promise<Comparison> {
  const sources = runs.map(openSource);
  const none = { images: 0, greatestDifference: 0, agreement: 0, checkpointMacroF1: 0, fileMacroF1: 0 };
  if (sources.some(({ isCrossValidated }) => isCrossValidated)) {
    return { ...none, reason: 'out-of-fold logits are those of one member each' };
  }
  const { path, classes } = sources[0]!.folder.readEnvironment().dataset;
  const rows = sharedPredictions(sources).slice(0, mostImages);
  if (rows.length === 0) {
    return {
      ...none,
      reason: runs.length > 1 ? 'no validation images are shared' : 'the run has no validation logits',
    };
  }
  const files = pathsOfPredictions(rows, path);
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined) return { ...none, reason: `the validation images have moved (there is no ${missing})` };
  const model = await load(modelFile);
  try {
    let greatestDifference = 0;
    const logits = new Float64Array(rows.length * classes.length);
    let compared = 0;
    for await (const outcome of model.predictAll(files)) {
      if (!('label' in outcome)) return { ...none, reason: `${files[compared]}: ${outcome.reason}` };
      const expected = rows[compared]!.logits;
      for (const [k, logit] of outcome.logits.entries()) {
        greatestDifference = Math.max(greatestDifference, Math.abs(logit - expected[k]!));
      }
      logits.set(outcome.logits, compared++ * classes.length);
      onProgress(compared, rows.length);
    }
    const { truth, logits: expected } = predictionArrays(rows, classes);
    const checkpointClasses = argmax(expected, classes.length);
    const fileClasses = argmax(logits, classes.length);
    const macroF1 = (predicted: Int32Array) =>
      classificationReport(confusionMatrix(truth, predicted, classes.length)).macroF1;
    return {
      images: rows.length,
      reason: '',
      greatestDifference,
      agreement: fileClasses.filter((label, i) => label === checkpointClasses[i]).length / rows.length,
      checkpointMacroF1: macroF1(checkpointClasses),
      fileMacroF1: macroF1(fileClasses),
    };
  } finally {
    await model.close();
  }
}
