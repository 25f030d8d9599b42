import { leastPoint } from '../golden-section.js';

/**
 * How given labels come from true ones: with probability `rates[k]` an image of class k gets another label, drawn from
 * `confusions[k]`. Temperature and priors make a classifier's scores probabilities of the true class.
 */
export interface NoiseModel {
  readonly temperature: number;
  /** [K]: shares of the true classes. */
  readonly priors: Float64Array;
  /** [K] */
  readonly rates: Float64Array;
  /** [K,K], rows of true classes, zero on the diagonal; null where every other label is equally likely. */
  readonly confusions: Float64Array | null;
}

/** Scores [N,K] of images by a classifier that did not see them, and the labels that they were given. */
export interface Scored {
  /** Log densities or logits, [N,K]. */
  readonly scores: Float64Array;
  /** [N] */
  readonly given: Int32Array;
  readonly numClasses: number;
}

/** A class's own rate counts as much as the overall one where it has so many images. */
const RATE_PRIOR = 20;
/** Images of evidence that a class's wrong labels are spread evenly; infinite: they are. Which is found by trying. */
export const CONFUSION_PRIORS = [Number.POSITIVE_INFINITY, 10, 2] as const;
const FIT_ITERATIONS = 15;
const START_RATE = 0.1;

/** The rows of `scored` for which `wanted` holds. */
export function pickRows({ scores, given, numClasses }: Scored, wanted: (row: number) => boolean): Scored {
  const rows = Array.from(given.keys()).filter(wanted);
  const picked = new Float64Array(rows.length * numClasses);
  for (const [to, from] of rows.entries()) {
    picked.set(scores.subarray(from * numClasses, (from + 1) * numClasses), to * numClasses);
  }
  return { scores: picked, given: Int32Array.from(rows, (i) => given[i]!), numClasses };
}

export interface FitOptions {
  /** Images of evidence for evenly spread wrong labels; see `CONFUSION_PRIORS`. */
  readonly confusionPrior: number;
  readonly temperature: number;
  /** Where to start. */
  readonly from?: NoiseModel;
  readonly iterations?: number;
}

/** Fits rates, confusions and priors at a temperature by expectation and maximisation. */
export function fitNoiseModel(scored: Scored, options: FitOptions): NoiseModel {
  const { numClasses: k, given } = scored;
  const { confusionPrior, temperature, iterations = FIT_ITERATIONS } = options;
  let model: NoiseModel = options.from ?? {
    temperature,
    priors: new Float64Array(k).fill(1 / k),
    rates: new Float64Array(k).fill(START_RATE),
    confusions: null,
  };
  const densities = densitiesOf(scored, temperature);
  const joint = new Float64Array(k * k);
  const posterior = new Float64Array(k);
  for (let iteration = 0; iteration < iterations; iteration++) {
    joint.fill(0);
    const label = labelProbabilities(model, k);
    for (let i = 0; i < given.length; i++) {
      const y = given[i]!;
      posteriorOf(densities, i, k, model.priors, label, y, posterior);
      for (let c = 0; c < k; c++) joint[c * k + y]! += posterior[c]!;
    }
    model = maximise(joint, k, given.length, confusionPrior, temperature);
  }
  return model;
}

function maximise(joint: Float64Array, k: number, n: number, confusionPrior: number, temperature: number): NoiseModel {
  const totals = new Float64Array(k);
  const wrongs = new Float64Array(k);
  let wrong = 0;
  for (let c = 0; c < k; c++) {
    for (let y = 0; y < k; y++) totals[c]! += joint[c * k + y]!;
    wrongs[c] = totals[c]! - joint[c * k + c]!;
    wrong += wrongs[c]!;
  }
  const rate = n === 0 ? 0 : wrong / n;
  let confusions: Float64Array | null = null;
  if (Number.isFinite(confusionPrior) && k > 1) {
    confusions = new Float64Array(k * k);
    for (let c = 0; c < k; c++) {
      for (let y = 0; y < k; y++) {
        if (y === c) continue;
        confusions[c * k + y] = (joint[c * k + y]! + confusionPrior / (k - 1)) / (wrongs[c]! + confusionPrior);
      }
    }
  }
  return {
    temperature,
    // Halfway between equal shares and those found: held-out labels are then the most probable, and rare classes stay stable.
    priors: totals.map((each) => (each / Math.max(1, n) + 1 / k) / 2),
    // Evenly spread noise says nothing of single classes, and one rate for all is the most stable.
    rates:
      confusions === null
        ? totals.map(() => rate)
        : totals.map((each, c) => (wrongs[c]! + RATE_PRIOR * rate) / (each + RATE_PRIOR)),
    confusions,
  };
}

/** The probability [K,K] of each given label, by true class. */
function labelProbabilities({ rates, confusions }: NoiseModel, k: number): Float64Array {
  const table = new Float64Array(k * k);
  for (let c = 0; c < k; c++) {
    for (let y = 0; y < k; y++) {
      const other = confusions === null ? 1 / Math.max(1, k - 1) : confusions[c * k + y]!;
      table[c * k + y] = y === c ? 1 - rates[c]! : rates[c]! * other;
    }
  }
  return table;
}

/** exp(score / temperature), each row scaled so that its largest is 1. */
function densitiesOf({ scores, numClasses: k }: Scored, temperature: number): Float64Array {
  const densities = new Float64Array(scores.length);
  for (let from = 0; from < scores.length; from += k) {
    let maximum = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < k; c++) maximum = Math.max(maximum, scores[from + c]!);
    for (let c = 0; c < k; c++) densities[from + c] = Math.exp((scores[from + c]! - maximum) / temperature);
  }
  return densities;
}

/** Writes P(true class | image, given label) of row i to `out` [K]; returns the log probability of the given label. */
function posteriorOf(
  densities: Float64Array,
  i: number,
  k: number,
  priors: Float64Array,
  label: Float64Array,
  given: number,
  out: Float64Array,
): number {
  let evidence = 0;
  let sum = 0;
  for (let c = 0; c < k; c++) {
    const density = priors[c]! * densities[i * k + c]!;
    evidence += density;
    const both = density * label[c * k + given]!;
    out[c] = both;
    sum += both;
  }
  if (!(sum > 0)) {
    // Nothing speaks for any class that could have got this label: the label is all there is.
    out.fill(0);
    out[given] = 1;
    return Math.log(Number.MIN_VALUE);
  }
  for (let c = 0; c < k; c++) out[c]! /= sum;
  return Math.log(sum / evidence);
}

/** P(true class | image, given label), [N,K], and the mean log probability of the given labels. */
export function posteriors(scored: Scored, model: NoiseModel): { posterior: Float64Array; logLikelihood: number } {
  const { numClasses: k, given } = scored;
  const densities = densitiesOf(scored, model.temperature);
  const label = labelProbabilities(model, k);
  const posterior = new Float64Array(scored.scores.length);
  let total = 0;
  for (let i = 0; i < given.length; i++) {
    const row = posterior.subarray(i * k, (i + 1) * k);
    total += posteriorOf(densities, i, k, model.priors, label, given[i]!, row);
  }
  return { posterior, logLikelihood: given.length === 0 ? 0 : total / given.length };
}

/** The temperature at which a noise model, fitted anew for each that is tried, explains the given labels best. */
export function bestTemperature(scored: Scored, confusionPrior: number): number {
  return likeliestTemperature((temperature) => {
    const model = fitNoiseModel(scored, { confusionPrior, temperature, iterations: 8 });
    return posteriors(scored, model).logLikelihood;
  });
}

/** A noise model that is as it was but for the temperature at which it explains the given labels of other scores best. */
export function atBestTemperature(scored: Scored, model: NoiseModel): NoiseModel {
  const temperature = likeliestTemperature((each) => posteriors(scored, { ...model, temperature: each }).logLikelihood);
  return { ...model, temperature };
}

const likeliestTemperature = (likelihoodAt: (temperature: number) => number): number =>
  Math.exp(leastPoint((x) => -likelihoodAt(Math.exp(x)), Math.log(0.2), Math.log(60), 0.03));
