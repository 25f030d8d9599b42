import { basename, resolve } from 'node:path';
import {
  argmax,
  type ClassificationReport,
  type ConfusionMatrix,
  classificationReport,
  confusionMatrix,
  expectedCalibrationError,
  type FittedDecision,
  fitDecision,
  type Interval,
  macroF1Interval,
  softmax,
  topKAccuracy,
} from '../../../metrics/index.js';
import {
  type Environment,
  type EpochMetrics,
  expectedClassCounts,
  heldOutLabels,
  type JudgedLabel,
  judgementsOf,
  RunError,
  type RunFolder,
  type ValidationPrediction,
  withLikelyLabels,
} from '../../../run/index.js';
import { isLikelyError } from '../../label-errors.js';
import { seriate } from './seriation.js';

/** A validation image with its prediction. */
export interface Image {
  /** Its index in predictions.jsonl. */
  readonly id: number;
  readonly file: string;
  /** Class indices. */
  readonly truth: number;
  readonly predicted: number;
  /** Calibrated probabilities of the predicted class and of the label. */
  readonly confidence: number;
  readonly labelProbability: number;
  /** The probability that the label is wrong; undefined if the run did not judge labels. */
  readonly labelWrong: number | undefined;
}

/** Everything computed from the validation logits, on the labels as given. */
export interface ValidationScores {
  readonly images: readonly Image[];
  readonly matrix: ConfusionMatrix;
  readonly report: ClassificationReport;
  readonly interval: Interval;
  readonly top5: number | null;
  /** The decision of the exported model: temperature and rule. */
  readonly decision: FittedDecision;
  /** Cross-validated Macro F1 of the decision rule; null if the most probable class is predicted. */
  readonly byRule: Interval | null;
  /** Without and with the fitted temperature. */
  readonly calibration: { readonly raw: Calibration; readonly fitted: Calibration };
  /** Class indices, similar classes adjacent. */
  readonly similarityOrder: readonly number[];
}

export interface Calibration {
  readonly error: number;
  readonly bins: readonly Bin[];
}

/** The images whose confidence lies in one of the bins of equal width. */
export interface Bin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Means over its images; NaN if it has none. */
  readonly confidence: number;
  readonly accuracy: number;
}

export interface Analysis {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly environment: Environment;
  /** The fields of model.json; null for a run of version 0.1. */
  readonly model: Readonly<Record<string, unknown>> | null;
  readonly classes: readonly string[];
  /** [K] training images per class; null if the run did not record them. */
  readonly classCounts: readonly number[] | null;
  readonly epochs: readonly EpochMetrics[];
  /** The epoch whose checkpoint was kept. */
  readonly best: EpochMetrics | null;
  readonly scores: ValidationScores | null;
  /** Training labels judged by the run, and likely errors among them; null if it did not judge labels. */
  readonly labels: { readonly images: number; readonly likelyErrors: number } | null;
  /** The folds of a cross-validation that have begun; empty for other runs. */
  readonly folds: readonly Fold[];
  /** The number of predictions that cannot be scored: logits that are not finite, or an unknown label. */
  readonly unusable: number;
}

/** A training of a cross-validation, which did not see the images that it is scored on. */
export interface Fold {
  /** Counted from 1. */
  readonly number: number;
  readonly epochs: readonly EpochMetrics[];
  /** The epoch whose checkpoint was kept. */
  readonly best: EpochMetrics | null;
  /** The number of images that it is scored on; NaN if unknown. */
  readonly images: number;
  /** Why it cannot be shown; null if it can. */
  readonly problem: string | null;
}

/** The same number as for the expected calibration error. */
const BINS = 15;

/** Reads a run folder and computes what the report shows. Throws RunError if the folder cannot be read. */
export function analyseRun(run: RunFolder): Analysis {
  const config = run.readConfig();
  const environment = run.readEnvironment();
  const { classes, classCounts } = environment.dataset;
  const epochs = run.readEpochs();
  const predictions = run.readPredictions();
  const judged = run.readLabels();
  const best = epochs.findLast(({ best: isBest }) => isBest) ?? null;
  const classIndices = new Map(classes.map((label, k) => [label, k]));
  const rows = [...predictions.entries()].filter(
    ([, { label, logits }]) =>
      classIndices.has(label) &&
      logits.length === classes.length &&
      Number.isFinite(logits.reduce((a, b) => Math.max(a, b))),
  );
  const usable = rows.length > 0 && classes.length > 0;
  const foldRuns = run.folds();
  const folds = foldRuns.map(readFold);
  return {
    name: basename(resolve(run.path)),
    config,
    environment,
    model: run.readModel(),
    classes,
    classCounts: Array.isArray(classCounts) && classCounts.length === classes.length ? classCounts : null,
    epochs,
    best,
    scores: usable
      ? scoreValidation(rows, classIndices, {
          judged: [...judged, ...foldRuns.flatMap(judgedInFold)],
          noisy: [best, ...folds.map((fold) => fold.best)].some((epoch) => epoch?.macroF1Posterior !== undefined),
          trainingCounts: expectedClassCounts(environment.dataset, judged),
          seed: typeof config.seed === 'number' ? config.seed : 0,
        })
      : null,
    labels: countLikelyErrors(judged),
    folds,
    unusable: predictions.length - rows.length,
  };
}

/** A damaged fold does not keep the others from being shown. */
function readFold(run: RunFolder): Fold {
  const number = Number(basename(run.path)) + 1;
  try {
    const epochs = run.readEpochs();
    const best = epochs.findLast(({ best: isBest }) => isBest) ?? null;
    return { number, epochs, best, images: run.readEnvironment().dataset.val, problem: null };
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    return { number, epochs: [], best: null, images: Number.NaN, problem: error.message };
  }
}

/** The judgement of the images that a fold held out; none if it is damaged. */
function judgedInFold(run: RunFolder): JudgedLabel[] {
  try {
    return heldOutLabels(run);
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    return [];
  }
}

function countLikelyErrors(judged: readonly JudgedLabel[]): Analysis['labels'] {
  const inTraining = judged.filter(({ part }) => part === 'train');
  if (inTraining.length === 0) return null;
  return { images: inTraining.length, likelyErrors: inTraining.filter(isLikelyError).length };
}

/** @param noisy whether label errors were found among the validation images: then `exportRun` fits to likely labels */
function scoreValidation(
  rows: readonly (readonly [number, ValidationPrediction])[],
  classIndices: ReadonlyMap<string, number>,
  {
    judged,
    noisy,
    trainingCounts,
    seed,
  }: { judged: readonly JudgedLabel[]; noisy: boolean; trainingCounts: readonly number[] | null; seed: number },
): ValidationScores {
  const numClasses = classIndices.size;
  const indicesOf = (predictions: readonly ValidationPrediction[]): Int32Array =>
    Int32Array.from(predictions, ({ label }) => classIndices.get(label)!);
  const predictions = rows.map(([, prediction]) => prediction);
  const truth = indicesOf(predictions);
  const logits = new Float64Array(rows.length * numClasses);
  for (const [i, [, row]] of rows.entries()) logits.set(row.logits, i * numClasses);
  const predicted = argmax(logits, numClasses);
  const likely = noisy ? indicesOf(withLikelyLabels(predictions, judged)) : truth;
  const decision = fitDecision(logits, likely, numClasses, seed, trainingCounts);
  const tempered = logits.map((logit) => logit / decision.rule.temperature);
  const probabilities = softmax(tempered, numClasses);
  const matrix = confusionMatrix(truth, predicted, numClasses);
  const options = { average: 'all' } as const;
  const judgementOf = judgementsOf(judged);
  return {
    images: rows.map(([id, prediction], i) => ({
      id,
      file: prediction.file,
      truth: truth[i]!,
      predicted: predicted[i]!,
      confidence: probabilities[i * numClasses + predicted[i]!]!,
      labelProbability: probabilities[i * numClasses + truth[i]!]!,
      labelWrong: judgementOf(prediction)?.wrong,
    })),
    matrix,
    report: classificationReport(matrix),
    interval: macroF1Interval(truth, predicted, numClasses, options),
    top5: numClasses > 5 ? topKAccuracy(logits, truth, numClasses, 5) : null,
    decision,
    byRule: decision.rule.scale === null ? null : macroF1Interval(truth, decision.predicted, numClasses, options),
    calibration: {
      raw: calibrationOf(logits, truth, predicted, numClasses),
      fitted: calibrationOf(tempered, truth, predicted, numClasses),
    },
    similarityOrder: seriate(similarityOf(probabilities, truth, numClasses), numClasses),
  };
}

function calibrationOf(
  logits: Float64Array,
  truth: Int32Array,
  predicted: Int32Array,
  numClasses: number,
): Calibration {
  const probabilities = softmax(logits, numClasses);
  const [count, confidence, correct] = [new Float64Array(BINS), new Float64Array(BINS), new Float64Array(BINS)];
  for (let i = 0; i < truth.length; i++) {
    const highest = probabilities[i * numClasses + predicted[i]!]!;
    const bin = Math.min(Math.max(Math.ceil(highest * BINS), 1), BINS) - 1;
    count[bin]! += 1;
    confidence[bin]! += highest;
    if (predicted[i] === truth[i]) correct[bin]! += 1;
  }
  const bins = Array.from(count, (n, b) => ({
    low: b / BINS,
    high: (b + 1) / BINS,
    count: n,
    confidence: confidence[b]! / n,
    accuracy: correct[b]! / n,
  }));
  return { error: expectedCalibrationError(logits, truth, numClasses, { numBins: BINS }), bins };
}

/**
 * How similar each two classes are: the mean probability of one for the images of the other, in both directions.
 * With few images probabilities say more about this than the few mistakes.
 */
function similarityOf(probabilities: Float64Array, truth: Int32Array, numClasses: number): Float64Array {
  const mean = new Float64Array(numClasses * numClasses);
  const support = new Float64Array(numClasses);
  for (const [i, label] of truth.entries()) {
    support[label]! += 1;
    for (let j = 0; j < numClasses; j++) mean[label * numClasses + j]! += probabilities[i * numClasses + j]!;
  }
  for (let i = 0; i < mean.length; i++) mean[i]! /= Math.max(1, support[Math.floor(i / numClasses)]!);
  return mean.map((value, i) => value + mean[(i % numClasses) * numClasses + Math.floor(i / numClasses)]!);
}

/** Two classes that are confused. */
export interface ConfusedPair {
  readonly a: number;
  readonly b: number;
  /** Images of one predicted as the other, in both directions. */
  readonly count: number;
  /** That number as a share of the images of both. */
  readonly share: number;
}

/** The pairs of classes with the most confusions; on a tie those with the greater share first. */
export function confusedPairs({ numClasses, counts }: ConfusionMatrix, maxPairs: number): ConfusedPair[] {
  const support = Array.from({ length: numClasses }, (_, i) =>
    counts.subarray(i * numClasses, (i + 1) * numClasses).reduce((sum, count) => sum + count, 0),
  );
  const pairs: ConfusedPair[] = [];
  for (let a = 0; a < numClasses; a++) {
    for (let b = a + 1; b < numClasses; b++) {
      const count = counts[a * numClasses + b]! + counts[b * numClasses + a]!;
      if (count > 0) pairs.push({ a, b, count, share: count / Math.max(1, support[a]! + support[b]!) });
    }
  }
  return pairs.sort((x, y) => y.count - x.count || y.share - x.share).slice(0, maxPairs);
}

/** Wrong predictions by how much more probable the predicted class is than the label, most confident first. */
export const confidentMistakes = (images: readonly Image[]): Image[] =>
  images
    .filter(({ truth, predicted }) => truth !== predicted)
    .sort((x, y) => y.confidence - y.labelProbability - (x.confidence - x.labelProbability) || x.id - y.id);

/** Mean F1 of the third of the classes with the fewest training images, and of the third with the most. */
export interface FrequencyComparison {
  readonly rare: number;
  readonly frequent: number;
}

/**
 * Compares rare and frequent classes, among those with validation images. Null if the run did not record training images
 * per class, if there are fewer than three classes, or if all have the same number of images.
 */
export function compareByFrequency({ classCounts, scores }: Analysis): FrequencyComparison | null {
  if (classCounts === null || scores === null) return null;
  const { perClass } = scores.report;
  const scored = [...classCounts.keys()]
    .filter((k) => perClass[k]!.support > 0)
    .sort((a, b) => classCounts[a]! - classCounts[b]!);
  const third = Math.floor(scored.length / 3);
  if (third < 1 || classCounts[scored[0]!] === classCounts[scored.at(-1)!]) return null;
  const meanF1 = (part: readonly number[]): number => part.reduce((sum, k) => sum + perClass[k]!.f1, 0) / part.length;
  return { rare: meanF1(scored.slice(0, third)), frequent: meanF1(scored.slice(-third)) };
}
