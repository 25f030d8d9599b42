import { minimise } from '../golden-section.js';

/**
 * How given labels come from true classes: with probability `rates[k]` an image of class k gets another label. Priors
 * and a temperature turn a classifier's scores into probabilities of the true class.
 */
export interface NoiseModel {
  readonly temperature: number;
  /** [K]: shares of the true classes. */
  readonly priors: Float64Array;
  /** [K]: probability that the label of an image of each true class is wrong. */
  readonly rates: Float64Array;
  /**
   * [K,K]: probability of each given label (row) if the label of an image of each true class (column) is wrong; zero on
   * the diagonal. Null if every other label is equally likely.
   */
  readonly confusions: Float64Array | null;
}

/** Scores of N images by a classifier that was not trained on them, and the labels that they have. */
export interface Scored {
  /** [N,K]: log densities or logits. */
  readonly scores: Float64Array;
  /** [N]: given labels. */
  readonly given: Int32Array;
  readonly numClasses: number;
}

/** Scores at a temperature. */
export interface Densities {
  /** [N,K]: exp(score / temperature), each row scaled so that its largest value is 1. */
  readonly values: Float64Array;
  /** [N]: given labels. */
  readonly given: Int32Array;
  readonly numClasses: number;
  readonly temperature: number;
}

/** The error rate over all classes counts as much as this number of images of one class. */
const RATE_PRIOR = 20;
/**
 * Number of images that the assumption of evenly spread label errors counts as; infinite: they are evenly spread. The
 * best of these is found by cross-validation.
 */
export const CONFUSION_PRIORS = [Number.POSITIVE_INFINITY, 10, 2] as const;
const FIT_ITERATIONS = 15;
const SEARCH_ITERATIONS = 8;
const START_RATE = 0.1;
/** Bounds and precision of the logarithm of the temperature. */
const SEARCH = { from: Math.log(0.2), to: Math.log(60), tolerance: 0.03 };

export function densitiesAt({ scores, given, numClasses: k }: Scored, temperature: number): Densities {
  const values = new Float64Array(scores.length);
  for (let from = 0; from < scores.length; from += k) {
    let maximum = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < k; c++) maximum = Math.max(maximum, scores[from + c]!);
    for (let c = 0; c < k; c++) values[from + c] = Math.exp((scores[from + c]! - maximum) / temperature);
  }
  return { values, given, numClasses: k, temperature };
}

export interface FitOptions {
  /** See `CONFUSION_PRIORS`. */
  readonly confusionPrior: number;
  /** The model to start from. */
  readonly from?: NoiseModel;
  readonly iterations?: number;
}

/** Fits rates, confusions and priors to some rows, which may be repeated, by expectation maximisation. */
export function fitNoiseModel(densities: Densities, rows: Int32Array, options: FitOptions): NoiseModel {
  const { values, given, numClasses: k, temperature } = densities;
  const { confusionPrior, iterations = FIT_ITERATIONS } = options;
  const spreadEvenly = !Number.isFinite(confusionPrior) || k === 1;
  let model: NoiseModel = options.from ?? {
    temperature,
    priors: new Float64Array(k).fill(1 / k),
    rates: new Float64Array(k).fill(START_RATE),
    confusions: null,
  };
  const { order, starts } = groupByLabel(rows, given, k);
  const joint = new Float64Array(spreadEvenly ? 0 : k * k);
  const jointOfLabel = new Float64Array(k);
  const posterior = new Float64Array(k);
  for (let iteration = 0; iteration < iterations; iteration++) {
    // [K]: expected number of images by true class, in all and of those with the right label.
    const totals = new Float64Array(k);
    const right = new Float64Array(k);
    const { priors } = model;
    for (let y = 0; y < k; y++) {
      const sums = spreadEvenly ? jointOfLabel : joint.subarray(y * k, (y + 1) * k);
      sums.fill(0);
      if (starts[y] === starts[y + 1]) continue;
      const likelihood = labelLikelihood(model, k, y);
      for (let position = starts[y]!; position < starts[y + 1]!; position++) {
        const row = order[position]! * k;
        let sum = 0;
        for (let c = 0; c < k; c++) {
          const both = priors[c]! * values[row + c]! * likelihood[c]!;
          posterior[c] = both;
          sum += both;
        }
        if (sum > 0) for (let c = 0; c < k; c++) sums[c]! += posterior[c]! / sum;
        else sums[y]! += 1;
      }
      right[y] = sums[y]!;
      for (let c = 0; c < k; c++) totals[c]! += sums[c]!;
    }
    model = maximise(totals, right, spreadEvenly ? null : joint, rows.length, confusionPrior, temperature);
  }
  return model;
}

/**
 * @param totals [K] expected number of images of each true class
 * @param right [K] of those, the number with the right label
 * @param joint [K,K] expected number of images by given label (row) and true class; null if errors are spread evenly
 */
function maximise(
  totals: Float64Array,
  right: Float64Array,
  joint: Float64Array | null,
  n: number,
  confusionPrior: number,
  temperature: number,
): NoiseModel {
  const k = totals.length;
  const wrong = totals.map((total, c) => total - right[c]!);
  const rate = n === 0 ? 0 : wrong.reduce((sum, count) => sum + count, 0) / n;
  let confusions: Float64Array | null = null;
  if (joint !== null) {
    confusions = new Float64Array(k * k);
    const evenly = confusionPrior / (k - 1);
    for (let y = 0; y < k; y++) {
      for (let c = 0; c < k; c++) {
        if (y !== c) confusions[y * k + c] = (joint[y * k + c]! + evenly) / (wrong[c]! + confusionPrior);
      }
    }
  }
  return {
    temperature,
    // Halfway between equal shares and the shares found: held-out labels are then most probable, and rare classes stable.
    priors: totals.map((total) => (total / Math.max(1, n) + 1 / k) / 2),
    // Evenly spread noise says nothing about single classes, and one rate for all is the most stable.
    rates:
      confusions === null
        ? totals.map(() => rate)
        : totals.map((total, c) => (wrong[c]! + RATE_PRIOR * rate) / (total + RATE_PRIOR)),
    confusions,
  };
}

/** [K]: the probability of the given label `y` by true class. */
function labelLikelihood({ rates, confusions }: NoiseModel, k: number, y: number): Float64Array {
  const evenly = 1 / Math.max(1, k - 1);
  const likelihood = new Float64Array(k);
  for (let c = 0; c < k; c++) likelihood[c] = rates[c]! * (confusions === null ? evenly : confusions[y * k + c]!);
  likelihood[y] = 1 - rates[y]!;
  return likelihood;
}

/** The rows in the order of their labels, each label's in their own order: those of label y begin at `starts[y]`. */
function groupByLabel(rows: Int32Array, given: Int32Array, k: number): { order: Int32Array; starts: Int32Array } {
  const starts = new Int32Array(k + 1);
  for (const row of rows) starts[given[row]! + 1]!++;
  for (let y = 0; y < k; y++) starts[y + 1]! += starts[y]!;
  const next = starts.slice();
  const order = new Int32Array(rows.length);
  for (const row of rows) order[next[given[row]!]!++] = row;
  return { order, starts };
}

/** P(true class | image, given label) of some rows, [rows,K], and the mean log probability of their labels. */
export function posteriors(
  { values, given, numClasses: k }: Densities,
  rows: Int32Array,
  model: NoiseModel,
): { posterior: Float64Array; logLikelihood: number } {
  const { priors } = model;
  const posterior = new Float64Array(rows.length * k);
  const likelihoods = new Map<number, Float64Array>();
  let total = 0;
  for (const [position, row] of rows.entries()) {
    const y = given[row]!;
    let likelihood = likelihoods.get(y);
    if (likelihood === undefined) {
      likelihood = labelLikelihood(model, k, y);
      likelihoods.set(y, likelihood);
    }
    const out = position * k;
    let [evidence, sum] = [0, 0];
    for (let c = 0; c < k; c++) {
      const density = priors[c]! * values[row * k + c]!;
      evidence += density;
      const both = density * likelihood[c]!;
      posterior[out + c] = both;
      sum += both;
    }
    if (sum > 0) {
      for (let c = 0; c < k; c++) posterior[out + c]! /= sum;
      total += Math.log(sum / evidence);
    } else {
      // No class that could have got this label is possible for the image: the label is all there is.
      posterior.fill(0, out, out + k);
      posterior[out + y] = 1;
      total += Math.log(Number.MIN_VALUE);
    }
  }
  return { posterior, logLikelihood: rows.length === 0 ? 0 : total / rows.length };
}

/** [rows]: P(the given label is right | image) of some rows. */
export function labelProbabilities(
  { values, given, numClasses: k }: Densities,
  rows: Int32Array,
  model: NoiseModel,
): Float64Array {
  const { priors } = model;
  const { order, starts } = groupByLabel(rows, given, k);
  const byRow = new Float64Array(given.length);
  for (let y = 0; y < k; y++) {
    if (starts[y] === starts[y + 1]) continue;
    const likelihood = labelLikelihood(model, k, y);
    for (let position = starts[y]!; position < starts[y + 1]!; position++) {
      const row = order[position]!;
      let sum = 0;
      for (let c = 0; c < k; c++) sum += priors[c]! * values[row * k + c]! * likelihood[c]!;
      byRow[row] = sum > 0 ? (priors[y]! * values[row * k + y]! * likelihood[y]!) / sum : 1;
    }
  }
  return Float64Array.from(rows, (row) => byRow[row]!);
}

export const allRows = ({ given }: Pick<Scored, 'given'>): Int32Array => Int32Array.from(given.keys());

/** The temperature at which a noise model, fitted to all rows, explains the given labels best. */
export function bestTemperature(scored: Scored, confusionPrior: number): number {
  const rows = allRows(scored);
  return likeliestTemperature((temperature) => {
    const densities = densitiesAt(scored, temperature);
    const model = fitNoiseModel(densities, rows, { confusionPrior, iterations: SEARCH_ITERATIONS });
    return posteriors(densities, rows, model).logLikelihood;
  });
}

/** The same noise model at the temperature at which it explains the given labels of other scores best. */
export function atBestTemperature(scored: Scored, model: NoiseModel): NoiseModel {
  const rows = allRows(scored);
  const temperature = likeliestTemperature((candidate) => {
    return posteriors(densitiesAt(scored, candidate), rows, model).logLikelihood;
  });
  return { ...model, temperature };
}

const likeliestTemperature = (likelihoodAt: (temperature: number) => number): number =>
  Math.exp(minimise((x) => -likelihoodAt(Math.exp(x)), SEARCH.from, SEARCH.to, SEARCH.tolerance));
