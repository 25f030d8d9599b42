import { ImageError, load, ModelError } from '@evenhand/predict';
import type { BadImage } from '../data/index.js';
import {
  classificationReport,
  confusionMatrix,
  expectedCalibrationError,
  macroF1Interval,
  negativeLogLikelihood,
  topKAccuracy,
} from '../metrics/index.js';
import { ConfigError, reportProgress } from '../train/index.js';
import { type EvaluateOptions, type Evaluation, readSamples } from './evaluate.js';

export interface EvaluateFileOptions extends Pick<EvaluateOptions, 'read' | 'part' | 'onEvent'> {
  /** The ONNX file of a model. */
  readonly model: string;
  /** Labelled data, in any layout that training reads. */
  readonly data: string;
  /** As in `predict`: `auto` (default), `cpu`, `cuda`. */
  readonly device?: 'auto' | 'cpu' | 'cuda' | 'webgpu';
  readonly threads?: number;
}

/**
 * Scores a model file on labelled images: its predictions, by its decision rule. Needs no libtorch. The file does not say
 * which images it was trained on, so `trainingImages` is null.
 *
 * @throws ModelError if the file is not a usable model or fails on an image, DataError if the data cannot be used, ConfigError if
 * there are no images to score or if they have labels that the model does not know
 */
export async function evaluateFile(options: EvaluateFileOptions): Promise<Evaluation> {
  const { data, onEvent = () => {}, device, threads } = options;
  const model = await load(options.model, {
    ...(device === undefined ? {} : { device }),
    // 0 is one per core, which is the default there.
    ...(threads ? { threads } : {}),
  });
  try {
    const { classes } = model;
    const samples = await readSamples(data, classes, options, "the model's");
    const bad: BadImage[] = [];
    const scored: { file: string; label: number; predicted: number }[] = [];
    const logits = new Float32Array(samples.length * classes.length);
    const report = reportProgress('validate', onEvent);
    let done = 0;
    for await (const outcome of model.predictAll(samples.map(({ file }) => file))) {
      const sample = samples[done++]!;
      if (outcome instanceof ModelError) throw outcome;
      if (outcome instanceof ImageError) bad.push({ file: sample.file, reason: outcome.reason });
      else if ('label' in outcome) {
        logits.set(outcome.logits, scored.length * classes.length);
        scored.push({ ...sample, predicted: classes.indexOf(outcome.label) });
      }
      report(done, samples.length);
    }
    if (scored.length === 0) throw new ConfigError(`none of the ${samples.length} images in ${data} can be read`);
    const numClasses = classes.length;
    const truth = Int32Array.from(scored, ({ label }) => label);
    const predicted = Int32Array.from(scored, (each) => each.predicted);
    const scoredLogits = logits.subarray(0, scored.length * numClasses);
    return {
      report: classificationReport(confusionMatrix(truth, predicted, numClasses)),
      interval: macroF1Interval(truth, predicted, numClasses, { average: 'all' }),
      loss: negativeLogLikelihood(scoredLogits, truth, numClasses),
      classes,
      top5: numClasses >= 5 ? topKAccuracy(scoredLogits, truth, numClasses, 5) : undefined,
      calibrationError: expectedCalibrationError(scoredLogits, truth, numClasses),
      trainingImages: null,
      runData: '',
      bad,
      files: scored.map(({ file }) => file),
      truth,
      predicted,
      logits: scoredLogits,
    };
  } finally {
    await model.close();
  }
}
