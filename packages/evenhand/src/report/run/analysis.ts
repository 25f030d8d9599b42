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
} from '../../metrics/index.js';
import type { Environment, EpochMetrics, RunFolder, ValidationPrediction } from '../../run/index.js';
import { isSuspect } from '../suspect.js';
import { seriate } from './seriation.js';

/** A validation image and what the model said of it. */
export interface Image {
  /** Its place among the predictions of the run. */
  readonly id: number;
  readonly file: string;
  /** Class indices. */
  readonly truth: number;
  readonly predicted: number;
  /** Calibrated probabilities of the answer and of the label. */
  readonly confidence: number;
  readonly given: number;
}

/** All that follows from the validation logits. */
export interface Scores {
  readonly images: readonly Image[];
  readonly matrix: ConfusionMatrix;
  readonly report: ClassificationReport;
  readonly interval: Interval;
  readonly top5: number | null;
  readonly decision: FittedDecision;
  /** Macro F1 of the decision rule, on images that had no part in its fit; null where the most probable class is answered. */
  readonly byRule: Interval | null;
  /** Of the model as trained, and with the fitted temperature. */
  readonly calibration: { readonly raw: Calibration; readonly fitted: Calibration };
  /** Class indices, those that are alike side by side. */
  readonly similarityOrder: readonly number[];
}

export interface Calibration {
  readonly error: number;
  readonly bins: readonly Bin[];
}

/** Images whose greatest probability lies in one of the bins of equal width. */
export interface Bin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Means over its images; NaN where it has none. */
  readonly confidence: number;
  readonly accuracy: number;
}

export interface Analysis {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly environment: Environment;
  readonly classes: readonly string[];
  /** [K] training images; null in runs that did not record them. */
  readonly classCounts: readonly number[] | null;
  readonly epochs: readonly EpochMetrics[];
  /** The epoch that was kept. */
  readonly best: EpochMetrics | null;
  readonly scores: Scores | null;
  /** Training labels by the run's posterior labels; null where it did not judge them. */
  readonly labels: { readonly images: number; readonly suspects: number } | null;
  /** Predictions that cannot be scored: not numbers, or a label that the run does not know. */
  readonly unusable: number;
}

/** As many as the expected calibration error takes. */
const BINS = 15;

/** Reads a run folder and computes what the report shows. Throws RunError where the folder cannot be read. */
export function analyse(run: RunFolder): Analysis {
  const config = run.readConfig();
  const environment = run.readEnvironment();
  const { classes, classCounts } = environment.dataset;
  const epochs = run.readEpochs();
  const all = run.readPredictions();
  const known = new Map(classes.map((label, k) => [label, k]));
  const rows = [...all.entries()].filter(
    ([, { label, logits }]) =>
      known.has(label) && logits.length === classes.length && Number.isFinite(logits.reduce((a, b) => Math.max(a, b))),
  );
  const usable = rows.length > 0 && classes.length > 0;
  return {
    name: basename(resolve(run.path)),
    config,
    environment,
    classes,
    classCounts: Array.isArray(classCounts) && classCounts.length === classes.length ? classCounts : null,
    epochs,
    best: epochs.findLast(({ best }) => best) ?? null,
    scores: usable ? scoresOf(rows, known, typeof config.seed === 'number' ? config.seed : 0) : null,
    labels: labelsOf(run),
    unusable: all.length - rows.length,
  };
}

function labelsOf(run: RunFolder): Analysis['labels'] {
  const judged = run.readLabels().filter(({ part }) => part === 'train');
  if (judged.length === 0) return null;
  return { images: judged.length, suspects: judged.filter(isSuspect).length };
}

function scoresOf(
  rows: readonly (readonly [number, ValidationPrediction])[],
  known: ReadonlyMap<string, number>,
  seed: number,
): Scores {
  const numClasses = known.size;
  const truth = Int32Array.from(rows, ([, { label }]) => known.get(label)!);
  const logits = new Float64Array(rows.length * numClasses);
  for (const [i, [, row]] of rows.entries()) logits.set(row.logits, i * numClasses);
  const predicted = argmax(logits, numClasses);
  const decision = fitDecision(logits, truth, numClasses, seed);
  const tempered = logits.map((each) => each / decision.rule.temperature);
  const probabilities = softmax(tempered, numClasses);
  const matrix = confusionMatrix(truth, predicted, numClasses);
  const options = { average: 'all', seed } as const;
  return {
    images: rows.map(([id, { file }], i) => ({
      id,
      file,
      truth: truth[i]!,
      predicted: predicted[i]!,
      confidence: probabilities[i * numClasses + predicted[i]!]!,
      given: probabilities[i * numClasses + truth[i]!]!,
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
  const [count, confidence, right] = [new Float64Array(BINS), new Float64Array(BINS), new Float64Array(BINS)];
  for (let i = 0; i < truth.length; i++) {
    const most = probabilities[i * numClasses + predicted[i]!]!;
    const bin = Math.min(Math.max(Math.ceil(most * BINS), 1), BINS) - 1;
    count[bin]! += 1;
    confidence[bin]! += most;
    if (predicted[i] === truth[i]) right[bin]! += 1;
  }
  const bins = Array.from(count, (n, b) => ({
    low: b / BINS,
    high: (b + 1) / BINS,
    count: n,
    confidence: confidence[b]! / n,
    accuracy: right[b]! / n,
  }));
  return { error: expectedCalibrationError(logits, truth, numClasses, { numBins: BINS }), bins };
}

/**
 * How often classes are to be confused: the mean probability of each for the images of the other, both ways. Few
 * images make few mistakes; their probabilities tell more of likeness than these.
 */
function similarityOf(probabilities: Float64Array, truth: Int32Array, numClasses: number): Float64Array {
  const mean = new Float64Array(numClasses * numClasses);
  const support = new Float64Array(numClasses);
  for (const [i, label] of truth.entries()) {
    support[label]! += 1;
    for (let j = 0; j < numClasses; j++) mean[label * numClasses + j]! += probabilities[i * numClasses + j]!;
  }
  for (let i = 0; i < mean.length; i++) mean[i]! /= Math.max(1, support[Math.floor(i / numClasses)]!);
  return mean.map((each, i) => each + mean[(i % numClasses) * numClasses + Math.floor(i / numClasses)]!);
}

/** Two classes that are taken for one another. */
export interface Pair {
  readonly a: number;
  readonly b: number;
  /** Images of one that were taken for the other, both ways. */
  readonly count: number;
  /** Of the images of both. */
  readonly share: number;
}

/** The pairs of classes with the most mix-ups; of equal numbers those with the greatest share first. */
export function confusedPairs({ numClasses, counts }: ConfusionMatrix, most: number): Pair[] {
  const support = Array.from({ length: numClasses }, (_, i) =>
    counts.subarray(i * numClasses, (i + 1) * numClasses).reduce((sum, each) => sum + each, 0),
  );
  const pairs: Pair[] = [];
  for (let a = 0; a < numClasses; a++) {
    for (let b = a + 1; b < numClasses; b++) {
      const count = counts[a * numClasses + b]! + counts[b * numClasses + a]!;
      if (count > 0) pairs.push({ a, b, count, share: count / Math.max(1, support[a]! + support[b]!) });
    }
  }
  return pairs.sort((x, y) => y.count - x.count || y.share - x.share).slice(0, most);
}

/** Wrong answers, the most confident first: how much more probable the answer is held than the label. */
export const confidentMistakes = (images: readonly Image[]): Image[] =>
  images
    .filter(({ truth, predicted }) => truth !== predicted)
    .sort((x, y) => y.confidence - y.given - (x.confidence - x.given) || x.id - y.id);
