import { type DecisionRule, decide, indexOfGreatest, MOST_PROBABLE, scoreClasses } from '@evenhand/predict';
import { assignFolds } from '../folds.js';
import { minimise } from '../golden-section.js';
import { Random } from '../random.js';
import { confusionMatrix } from './confusion.js';
import { macroF1Difference } from './intervals.js';
import { argmax, type Logits, softmax } from './logits.js';
import { classificationReport } from './report.js';

export interface FittedDecision {
  readonly rule: DecisionRule;
  /** [N]: the class predicted for each image by a rule fitted without it, so that scores of these are unbiased. */
  readonly predicted: Int32Array;
}

const FOLDS = 5;
const MAX_ITERATIONS = 50;
const TAUS = Array.from({ length: 9 }, (_, i) => i / 4);

type FitRule = (sample: Sample, temperature: number) => DecisionRule;

/** Labelled images. */
interface Sample {
  /** [N,K] */
  readonly logits: Float64Array;
  /** [N] class indices */
  readonly truth: Int32Array;
}

/**
 * Fits how logits become predictions for the best Macro F1: one temperature that calibrates the probabilities (Guo et
 * al., arXiv 1706.04599), and a decision rule that replaces the most probable class: that for Macro F1 or, where it is better
 * still, logit adjustment.
 *
 * All are kept only if they help on images that were not used to fit them: in five-fold cross-validation, each image is
 * predicted with a temperature and a rule from the other four folds. The temperature is kept if it lowers the negative
 * log-likelihood of these predictions, a rule if the 95 % interval of its gain in Macro F1 is above
 * zero.
 *
 * @param logits [N,K] of images that the model was not trained on
 * @param truth [N] class indices
 * @param seed of the folds
 * @param trainingCounts [K] training images of each class; without them, logit adjustment is not tried
 * @throws RangeError if logits or truth are malformed
 */
export function fitDecision(
  logits: Logits,
  truth: Int32Array,
  numClasses: number,
  seed: number,
  trainingCounts: ArrayLike<number> | null = null,
): FittedDecision {
  const all: Sample = { logits: Float64Array.from(logits), truth };
  const mostProbable = argmax(logits, numClasses);
  if (truth.length < 2 * FOLDS) return { rule: MOST_PROBABLE, predicted: mostProbable };

  const fits: FitRule[] = [({ logits: rows }, temperature) => macroF1Rule(rows, numClasses, temperature)];
  if (trainingCounts) fits.push((sample, temperature) => logitAdjustment(sample, trainingCounts, temperature));
  const foldOf = assignFolds(truth, FOLDS, new Random(seed).permutation(truth.length));
  const candidates = fits.map((fit) => ({ fit, predicted: new Int32Array(truth.length) }));
  let gain = 0;
  for (let fold = 0; fold < FOLDS; fold++) {
    const fitted = select(all, numClasses, (i) => foldOf[i] !== fold);
    const held = select(all, numClasses, (i) => foldOf[i] === fold);
    if (held.truth.length === 0) continue;
    const temperature = fitTemperature(fitted, numClasses);
    gain += held.truth.length * (meanLoss(held, numClasses, 1) - meanLoss(held, numClasses, temperature));
    for (const { fit, predicted } of candidates) {
      const ofFold = applyRule(held.logits, numClasses, fit(fitted, temperature));
      let next = 0;
      for (let i = 0; i < truth.length; i++) if (foldOf[i] === fold) predicted[i] = ofFold[next++]!;
    }
  }
  const temperature = fitTemperature(all, numClasses);
  let best: FittedDecision = {
    rule: { ...MOST_PROBABLE, temperature: gain > 0 ? temperature : 1 },
    predicted: mostProbable,
  };
  for (const { fit, predicted } of candidates) {
    const { low } = macroF1Difference(truth, best.predicted, predicted, numClasses, { average: 'all' });
    if (low > 0) best = { rule: fit(all, temperature), predicted };
  }
  return best;
}

/**
 * Logit adjustment after training (Menon et al., arXiv 2007.07314, section 4.1): the class with the greatest
 * logit / temperature - tau log(share of the class in training). Of the values of tau from 0 to 2 in steps of 0.25, the
 * one with the best Macro F1 on these images, the smallest of several. A class without training images counts as having half
 * an image.
 *
 * @param trainingCounts [K]
 */
export function logitAdjustment(
  { logits, truth }: Sample,
  trainingCounts: ArrayLike<number>,
  temperature: number,
): DecisionRule {
  const counts = Float64Array.from(trainingCounts, (n) => Math.max(n, 0.5));
  const numClasses = counts.length;
  const logMean = counts.reduce((sum, n) => sum + Math.log(n), 0) / numClasses;
  let rule: DecisionRule = { temperature, scale: null, offset: null };
  let best = Number.NEGATIVE_INFINITY;
  for (const tau of TAUS) {
    // Shifts of the logits are factors of the probabilities; their mean logarithm does not matter.
    const scale = Array.from(counts, (n) => Math.exp(tau * (logMean - Math.log(n))));
    const next = { temperature, scale, offset: null };
    const matrix = confusionMatrix(truth, applyRule(logits, numClasses, next), numClasses);
    const { macroF1 } = classificationReport(matrix);
    if (macroF1 <= best) continue;
    best = macroF1;
    rule = next;
  }
  return rule;
}

/**
 * The rule with the best expected Macro F1 on these images, assuming that their probabilities are correct.
 *
 * Let p_j be the share of class j, q_j the rate at which it is predicted and F_j its F1. Macro F1, linearised in the
 * prediction for one image, is greatest for the class with the greatest (2 p(j|x) - F_j) / (p_j + q_j). All three follow
 * from the probabilities, so the rule has no free parameter per class; they and the predictions are iterated to a fixed
 * point. Each class gets one additional image that counts as half right, so that a class without images has a rule too.
 * The form of the optimum: Schultheis et al., arXiv 2401.16594.
 */
export function macroF1Rule(logits: Float64Array, numClasses: number, temperature: number): DecisionRule {
  const probabilities = softmax(
    logits.map((logit) => logit / temperature),
    numClasses,
  );
  const mass = new Float64Array(numClasses).fill(1);
  for (const [i, p] of probabilities.entries()) mass[i % numClasses]! += p;
  /** How often each class is predicted, with the additional image, and its expected F1. */
  const scorePredictions = (predicted: Int32Array) => {
    const right = new Float64Array(numClasses).fill(0.5);
    const counts = new Float64Array(numClasses).fill(1);
    for (const [i, k] of predicted.entries()) {
      right[k]! += probabilities[i * numClasses + k]!;
      counts[k]! += 1;
    }
    const f1 = right.map((expected, j) => (2 * expected) / (mass[j]! + counts[j]!));
    return { counts, f1, sum: f1.reduce((total, x) => total + x, 0) };
  };
  const total = logits.length / numClasses + numClasses;
  let best = scorePredictions(argmax(logits, numClasses));
  let rule: DecisionRule = { temperature, scale: null, offset: null };
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const size = mass.map((expected, j) => (expected + best.counts[j]!) / total);
    const next = {
      temperature,
      scale: Array.from(size, (x) => 2 / x),
      offset: Array.from(size, (x, j) => -best.f1[j]! / x),
    };
    const scored = scorePredictions(
      mapRows(probabilities, numClasses, (row) => indexOfGreatest(scoreClasses(row, next))),
    );
    if (scored.sum <= best.sum) break;
    best = scored;
    rule = next;
  }
  return rule;
}

/** The classes [N] that a rule predicts from logits [N,K]. @throws RangeError if a logit is not finite */
export function applyRule(logits: Logits, numClasses: number, rule: DecisionRule): Int32Array {
  return mapRows(logits, numClasses, (row) => decide(row, rule).index);
}

/** A class index [N] for each row of [N,K]. */
function mapRows<T extends Logits>(rows: T, numClasses: number, predict: (row: T) => number): Int32Array {
  return Int32Array.from({ length: rows.length / numClasses }, (_, i) =>
    predict(rows.subarray(i * numClasses, (i + 1) * numClasses) as T),
  );
}

/** The temperature in [1/20, 20] with the lowest negative log-likelihood: golden-section search over its logarithm. */
export function fitTemperature(sample: Sample, numClasses: number): number {
  const limit = Math.log(20);
  return Math.exp(minimise((x) => meanLoss(sample, numClasses, Math.exp(x)), -limit, limit, 1e-4));
}

/** The mean negative log-likelihood, like `negativeLogLikelihood` but without arrays, since a fit evaluates it often. */
function meanLoss({ logits, truth }: Sample, numClasses: number, temperature: number): number {
  let total = 0;
  for (let i = 0; i < truth.length; i++) {
    const start = i * numClasses;
    let maximum = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < numClasses; k++) maximum = Math.max(maximum, logits[start + k]! / temperature);
    let sum = 0;
    for (let k = 0; k < numClasses; k++) sum += Math.exp(logits[start + k]! / temperature - maximum);
    total -= logits[start + truth[i]!]! / temperature - maximum - Math.log(sum);
  }
  return truth.length === 0 ? 0 : total / truth.length;
}

function select({ logits, truth }: Sample, numClasses: number, isSelected: (i: number) => boolean): Sample {
  const indices = Array.from(truth.keys()).filter(isSelected);
  const rows = new Float64Array(indices.length * numClasses);
  for (const [to, from] of indices.entries()) {
    rows.set(logits.subarray(from * numClasses, (from + 1) * numClasses), to * numClasses);
  }
  return { logits: rows, truth: Int32Array.from(indices, (i) => truth[i]!) };
}
