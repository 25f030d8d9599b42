import type { Sample } from '../../data/index.js';
import { formatPercent } from '../../format.js';
import { argmax, meanAndDeviation, posteriorMacroF1 } from '../../metrics/index.js';
import { sharpenLabels } from '../../noise/index.js';
import {
  heldOutLabels,
  judgementsOf,
  predictionArrays,
  RunError,
  RunFolder,
  type ValidationPrediction,
} from '../../run/index.js';
import type { RunConfig } from '../config/fields.js';
import { reportProgress, type TrainEvent } from '../events.js';
import type { PreparedFolds } from '../setup/prepare.js';
import { fillPosterior } from './earlier-labels.js';
import { score } from './epoch-end.js';
import { judgedLabels } from './label-noise.js';

/** Scores of a cross-validation: each image by the network that was trained without its fold. */
export interface OutOfFold {
  readonly images: number;
  readonly numClasses: number;
  readonly numPresent: number;
  /** Over all classes, with its 95 % interval. */
  readonly macroF1: number;
  readonly macroF1Low: number;
  readonly macroF1High: number;
  readonly macroF1Present: number;
  readonly macroF1Posterior?: number;
  readonly macroF1PosteriorLow?: number;
  readonly macroF1PosteriorHigh?: number;
  readonly accuracy: number;
  readonly balancedAccuracy: number;
  /** Macro F1 of each fold over the classes that its held-out images have, by the same labels as above. */
  readonly foldScores: readonly number[];
}

/** Writes the predictions of all training images, in their order: each from the fold that held it out. */
export function writeOutOfFold(folder: RunFolder, config: RunConfig, data: PreparedFolds): void {
  const rowOf = new Map<Sample, ValidationPrediction>();
  for (const [fold, { val }] of data.folds.entries()) {
    const predictions = RunFolder.open(folder.foldPath(fold)).readPredictions();
    if (predictions.length !== val.length) {
      throw new RunError(
        `${folder.foldPath(fold)}/predictions.jsonl is damaged: it has ${predictions.length} predictions for ${val.length} images; ` +
          `delete the folder ${folder.foldPath(fold)} and resume ${folder.path}, which trains fold ${fold} of ${config.folds} anew`,
      );
    }
    for (const [i, sample] of val.entries()) rowOf.set(sample, predictions[i]!);
  }
  folder.writePredictions(data.all.train.map((sample) => rowOf.get(sample)!));
}

/**
 * Judges the labels of all training images again, by the predictions of fine-tuned networks that have not seen them together
 * with the first judgement, and writes it. A second round may train on it.
 */
export function judgeOutOfFold(
  folder: RunFolder,
  config: RunConfig,
  { all }: PreparedFolds,
  onEvent: (event: TrainEvent) => void,
): void {
  const { classes } = all;
  const predictions = folder.readPredictions();
  const { truth, logits } = predictionArrays(predictions, classes);
  const report = reportProgress('labels', onEvent);
  const firstOf = judgementsOf(heldOutLabels(folder));
  const first = new Float64Array(logits.length);
  for (const [i, prediction] of predictions.entries()) {
    const row = first.subarray(i * classes.length, (i + 1) * classes.length);
    const judged = firstOf(prediction);
    if (judged) fillPosterior(row, judged, classes);
    else row[truth[i]!] = 1;
  }
  const labels = sharpenLabels({
    first,
    scores: logits,
    given: truth,
    numClasses: classes.length,
    seed: config.seed,
    confirmed: all.train.map((sample) => (all.confirmed.has(sample) ? 1 : 0)),
    ...(all.groups ? { groups: all.groups } : {}),
    onProgress: (share) => report(Math.round(share * truth.length), truth.length),
  });
  const rows = judgedLabels({ data: all, config }, 'train', labels).sort((a, b) => b.wrong - a.wrong);
  folder.writeLabels(rows);
  const rate = meanAndDeviation(rows.map(({ wrong }) => wrong)).mean;
  onEvent({
    type: 'note',
    text: `Labels judged again with the held-out predictions: ${formatPercent(rate)} are probably wrong (labels.jsonl).`,
  });
}

/** Scores a cross-validation whose folds have all ended. */
export function scoreFolds(folder: RunFolder, { seed }: RunConfig, { all: { classes } }: PreparedFolds): OutOfFold {
  const numClasses = classes.length;
  const predictions = folder.readPredictions();
  const { truth, logits } = predictionArrays(predictions, classes);
  const { report, interval } = score(Float32Array.from(logits), truth, numClasses);
  const best = folder.folds().map((fold) => fold.readEpochs().findLast((epoch) => epoch.best)!);
  const judgementOf = judgementsOf(heldOutLabels(folder));
  const isNoisy = best.some(({ macroF1Posterior }) => macroF1Posterior !== undefined);
  const posterior = new Float64Array(isNoisy ? logits.length : 0);
  if (isNoisy) {
    for (const [i, prediction] of predictions.entries()) {
      const judged = judgementOf(prediction);
      if (judged === undefined) posterior[i * numClasses + truth[i]!] = 1;
      else fillPosterior(posterior.subarray(i * numClasses, (i + 1) * numClasses), judged, classes);
    }
  }
  const likely = isNoisy ? posteriorMacroF1(posterior, argmax(logits, numClasses), numClasses, { seed }) : null;
  return {
    images: predictions.length,
    numClasses,
    numPresent: report.numPresent,
    macroF1: report.macroF1,
    macroF1Low: interval.low,
    macroF1High: interval.high,
    macroF1Present: report.macroF1Present,
    ...(likely
      ? { macroF1Posterior: likely.value, macroF1PosteriorLow: likely.low, macroF1PosteriorHigh: likely.high }
      : {}),
    accuracy: report.accuracy,
    balancedAccuracy: report.balancedAccuracy,
    foldScores: best.map(({ macroF1Present, macroF1Posterior }) => macroF1Posterior ?? macroF1Present),
  };
}
