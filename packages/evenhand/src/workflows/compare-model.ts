import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { load } from '@evenhand/predict';
import { argmax, classificationReport, confusionMatrix } from '../metrics/index.js';
import { predictionArrays, RunFolder } from '../run/index.js';

/** How a model file answers beside the checkpoint that it was made from. */
export interface Comparison {
  /** How many validation images both have seen. */
  readonly images: number;
  /** Why there are none. */
  readonly reason: string;
  /** Of any logit. */
  readonly greatestDifference: number;
  /** Share of images whose most probable class is the same. */
  readonly agreement: number;
  /** Macro F1 over all classes of the checkpoint and of the file. */
  readonly before: number;
  readonly after: number;
}

/**
 * Compares a model file with the logits that the best checkpoint of its run had on the validation images.
 *
 * @param most how many images at most
 */
export async function compareOnValidation(
  run: string,
  modelFile: string,
  most: number,
  onProgress: (done: number, total: number) => void,
): Promise<Comparison> {
  const folder = RunFolder.open(run);
  const none = { images: 0, greatestDifference: 0, agreement: 0, before: 0, after: 0 };
  const { path, classes } = folder.readEnvironment().dataset;
  const rows = folder.readPredictions().slice(0, most);
  if (rows.length === 0) return { ...none, reason: 'the run keeps no validation logits' };
  const files = rows.map(({ file }) => resolve(path, file));
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined) return { ...none, reason: `the validation images are not there any more (${missing})` };
  const model = await load(modelFile);
  try {
    let greatestDifference = 0;
    const logits = new Float64Array(rows.length * classes.length);
    let at = 0;
    for await (const outcome of model.predictAll(files)) {
      if (!('label' in outcome)) return { ...none, reason: `${files[at]}: ${outcome.reason}` };
      const expected = rows[at]!.logits;
      for (const [k, logit] of outcome.logits.entries()) {
        greatestDifference = Math.max(greatestDifference, Math.abs(logit - expected[k]!));
      }
      logits.set(outcome.logits, at++ * classes.length);
      onProgress(at, rows.length);
    }
    const { truth, logits: expected } = predictionArrays(rows, classes);
    const before = argmax(expected, classes.length);
    const after = argmax(logits, classes.length);
    const macroF1 = (predicted: Int32Array) =>
      classificationReport(confusionMatrix(truth, predicted, classes.length)).macroF1;
    return {
      images: rows.length,
      reason: '',
      greatestDifference,
      agreement: after.filter((label, i) => label === before[i]).length / rows.length,
      before: macroF1(before),
      after: macroF1(after),
    };
  } finally {
    await model.close();
  }
}
