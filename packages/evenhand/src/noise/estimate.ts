import { ops, scope, type Tensor, tensor } from '@evenhand/torch';
import { assignFolds } from '../folds.js';
import { Random } from '../random.js';
import {
  atBestTemperature,
  bestTemperature,
  CONFUSION_PRIORS,
  fitNoiseModel,
  type NoiseModel,
  pickRows,
  posteriors,
  type Scored,
} from './noise-model.js';
import { fitPlda, gaussianFeatures } from './plda.js';

/** A share with its 95 % interval. */
export interface Rate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** What is known of the labels of N images of K classes. */
export interface LabelEstimate {
  /** [N,K]: the probability of each class to be the true one, given the image and its label. */
  readonly posterior: Float64Array;
  /** [N]: the probability that the given label is wrong. */
  readonly wrong: Float64Array;
  /** [N]: the most probable class other than the given one. */
  readonly suggested: Int32Array;
  /** The share of wrong labels. */
  readonly rate: Rate;
  /** [K]: among the images with each label; all zero for a label that no image has. */
  readonly rateByLabel: readonly Rate[];
  /** How wrong labels are spread over the others: evenly, or some pairs of classes more than others. */
  readonly kind: 'uniform' | 'pairs';
  readonly noise: NoiseModel;
}

/** Images with the labels that they were given. */
export interface Labelled {
  /** [N,F] pooled features of each image by a network that was not trained on these labels. */
  readonly features: Tensor;
  /** [N] given classes. */
  readonly given: Int32Array;
  /** [N]: where given, images whose label a person has confirmed (not 0): it is right. */
  readonly confirmed?: ArrayLike<number>;
}

export interface EstimateOptions extends Labelled {
  readonly numClasses: number;
  /** [N]: images of one group, as the same flower twice, are never on both sides of a fold. */
  readonly groups?: ArrayLike<number>;
  readonly seed: number;
  /** Other images, such as those to validate on: judged by all of the above, and no part of the fit. */
  readonly heldOut?: Labelled;
}

export interface LabelEstimates {
  readonly labels: LabelEstimate;
  /** Of `heldOut`; null where there are none. */
  readonly heldOut: LabelEstimate | null;
}

const FOLDS = 10;
const RESAMPLES = 200;
/** Fewer of them where there are so many images and classes that they would take minutes. */
const FEWEST_RESAMPLES = 40;
const MOST_CELLS = 4e8;

/**
 * Which labels are wrong. Each image is judged by a classifier that was fitted without it (cross-fitting, Chernozhukov
 * et al., arXiv 1608.00060), and by a model of the noise that was fitted without it, too.
 *
 * @throws RangeError where there are fewer than 2 images or classes, or features do not match
 */
export function estimateLabels(options: EstimateOptions): LabelEstimates {
  const { features, given, numClasses, seed, heldOut } = options;
  if (features.shape[0] !== given.length) {
    throw new RangeError(`There are ${given.length} labels but features of ${features.shape[0]} images.`);
  }
  if (given.length < 2 || numClasses < 2) throw new RangeError('Labels are judged from 2 images and 2 classes on.');
  const foldOf = assignFolds(given, FOLDS, new Random(seed, 0).permutation(given.length), options.groups);
  const n = given.length;
  const more = heldOut?.given.length ?? 0;
  const x = more === 0 ? gaussianFeatures(features) : gaussianFeatures(features, heldOut!.features);
  try {
    const memberships = new Float64Array(n * numClasses);
    for (const [i, y] of given.entries()) memberships[i * numClasses + y] = 1;
    const scored = (): Scored => ({ scores: scoresByFold(x, foldOf, memberships), given, numClasses });
    const first = judge(scored(), foldOf, options.confirmed, seed);
    memberships.set(first.posterior);
    const labels = judgeAgain(scored(), first, options.confirmed);
    if (more === 0) return { labels, heldOut: null };
    const rows = Int32Array.from({ length: more }, (_, i) => n + i);
    const heldScores = scoresOf(x, Int32Array.from(given.keys()), labels.posterior, rows, numClasses);
    const held = { scores: heldScores, given: heldOut!.given, numClasses };
    return { labels, heldOut: judgeHeldOut(held, heldOut!.confirmed, seed) };
  } finally {
    x.dispose();
  }
}

/** Scores [N,K] of each image by a fit to the memberships [N,K] of the others' folds. */
function scoresByFold(x: Tensor, foldOf: Int32Array, memberships: Float64Array): Float64Array {
  const k = memberships.length / foldOf.length;
  const scores = new Float64Array(memberships.length);
  const all = Int32Array.from(foldOf.keys());
  for (let fold = 0; fold < FOLDS; fold++) {
    const [held, others] = [all.filter((i) => foldOf[i] === fold), all.filter((i) => foldOf[i] !== fold)];
    if (held.length === 0 || others.length === 0) continue;
    const found = scoresOf(x, others, memberships, held, k);
    for (const [row, i] of held.entries()) scores.set(found.subarray(row * k, (row + 1) * k), i * k);
  }
  return scores;
}

/** Scores of the rows `judged` of `x`, by a fit to the rows `fitted`, whose memberships are those rows of `memberships`. */
function scoresOf(
  x: Tensor,
  fitted: Int32Array,
  memberships: Float64Array,
  judged: Int32Array,
  k: number,
): Float64Array {
  return scope(() => {
    const index = (rows: Int32Array) => tensor(rows, [rows.length], { dtype: 'int64' });
    const members = tensor(memberships, [memberships.length / k, k]);
    const plda = fitPlda(ops.indexSelect(x, 0, index(fitted)), ops.indexSelect(members, 0, index(fitted)));
    const scores = plda.score(ops.indexSelect(x, 0, index(judged)));
    plda.dispose();
    return scores;
  });
}

/** From scores by fits without each image's fold to what is known of each label. */
function judge(
  scored: Scored,
  foldOf: Int32Array,
  confirmed: ArrayLike<number> | undefined,
  seed: number,
): LabelEstimate {
  let best: { logLikelihood: number; posterior: Float64Array; noise: NoiseModel; prior: number } | undefined;
  for (const prior of CONFUSION_PRIORS) {
    const tried = { prior, ...crossFit(scored, foldOf, prior) };
    if (best === undefined || tried.logLikelihood > best.logLikelihood) best = tried;
  }
  return told(scored, best!.posterior, best!.noise, best!.prior, confirmed, seed);
}

/** The noise of images that are scored by a fit which had no part of them may be another than that of the fitted ones. */
function judgeHeldOut(scored: Scored, confirmed: ArrayLike<number> | undefined, seed: number): LabelEstimate {
  const confusionPrior = Number.POSITIVE_INFINITY;
  const temperature = bestTemperature(scored, confusionPrior);
  const noise = fitNoiseModel(scored, { confusionPrior, temperature });
  return told(scored, posteriors(scored, noise).posterior, noise, confusionPrior, confirmed, seed);
}

/**
 * From scores by fits to the posterior labels of the first judgement, again without each image's fold: they tell right
 * from wrong better. But each label has had a distant part in the labels that it is judged by, so how many are wrong stays
 * what was found first.
 */
function judgeAgain(scored: Scored, first: LabelEstimate, confirmed: ArrayLike<number> | undefined): LabelEstimate {
  const noise = atBestTemperature(scored, first.noise);
  return { ...first, noise, ...singled(scored, posteriors(scored, noise).posterior, confirmed) };
}

function told(
  scored: Scored,
  posterior: Float64Array,
  noise: NoiseModel,
  confusionPrior: number,
  confirmed: ArrayLike<number> | undefined,
  seed: number,
): LabelEstimate {
  const single = singled(scored, posterior, confirmed);
  return {
    ...single,
    ...rates(scored, single.wrong, noise, confusionPrior, seed),
    kind: noise.confusions === null ? 'uniform' : 'pairs',
    noise,
  };
}

/** What follows for each image. */
function singled(
  { given, numClasses: k }: Scored,
  posterior: Float64Array,
  confirmed: ArrayLike<number> | undefined,
): Pick<LabelEstimate, 'posterior' | 'wrong' | 'suggested'> {
  for (const [i, y] of given.entries()) {
    if (!confirmed?.[i]) continue;
    posterior.fill(0, i * k, (i + 1) * k);
    posterior[i * k + y] = 1;
  }
  return {
    posterior,
    wrong: Float64Array.from(given, (y, i) => 1 - posterior[i * k + y]!),
    suggested: Int32Array.from(given, (y, i) => likeliestOther(posterior.subarray(i * k, (i + 1) * k), y)),
  };
}

/** The noise model of all images, and each image's posterior by one that was fitted without its fold. */
function crossFit(
  scored: Scored,
  foldOf: Int32Array,
  confusionPrior: number,
): { logLikelihood: number; posterior: Float64Array; noise: NoiseModel } {
  const { given, numClasses: k } = scored;
  const temperature = bestTemperature(scored, confusionPrior);
  const noise = fitNoiseModel(scored, { confusionPrior, temperature });
  const posterior = new Float64Array(scored.scores.length);
  let total = 0;
  for (let fold = 0; fold < FOLDS; fold++) {
    const held = pickRows(scored, (i) => foldOf[i] === fold);
    if (held.given.length === 0) continue;
    const others = pickRows(scored, (i) => foldOf[i] !== fold);
    const found = posteriors(held, fitNoiseModel(others, { confusionPrior, temperature }));
    total += found.logLikelihood * held.given.length;
    let row = 0;
    for (const [i, each] of foldOf.entries()) {
      if (each !== fold) continue;
      posterior.set(found.posterior.subarray(row * k, (row + 1) * k), i * k);
      row++;
    }
  }
  return { logLikelihood: total / given.length, posterior, noise };
}

function likeliestOther(probabilities: Float64Array, given: number): number {
  let best = given === 0 ? 1 : 0;
  for (const [c, p] of probabilities.entries()) if (c !== given && p > probabilities[best]!) best = c;
  return best;
}

/**
 * The rates with percentile-bootstrap intervals: images are drawn anew, the noise model is fitted to them anew from
 * where it stands, and whether each label is wrong is drawn by its probability.
 */
function rates(
  scored: Scored,
  wrong: Float64Array,
  noise: NoiseModel,
  confusionPrior: number,
  seed: number,
): { rate: Rate; rateByLabel: Rate[] } {
  const { given, numClasses: k, scores } = scored;
  const n = given.length;
  const resamples = Math.min(RESAMPLES, Math.max(FEWEST_RESAMPLES, Math.round(MOST_CELLS / scores.length)));
  const totals = Array.from({ length: resamples }, () => 0);
  const byLabel = Array.from({ length: k }, (): number[] => []);
  for (let r = 0; r < resamples; r++) {
    const random = new Random(seed, 1, r);
    const drawn = Int32Array.from({ length: n }, () => random.int(n));
    const sample: Scored = { scores: new Float64Array(scores.length), given: new Int32Array(n), numClasses: k };
    for (const [row, i] of drawn.entries()) {
      sample.scores.set(scores.subarray(i * k, (i + 1) * k), row * k);
      sample.given[row] = given[i]!;
    }
    const model = fitNoiseModel(sample, { confusionPrior, temperature: noise.temperature, from: noise, iterations: 3 });
    const { posterior } = posteriors(sample, model);
    const count = new Int32Array(k);
    const bad = new Int32Array(k);
    let all = 0;
    for (const [row, y] of sample.given.entries()) {
      count[y]!++;
      if (random.uniform() < posterior[row * k + y]!) continue;
      bad[y]!++;
      all++;
    }
    totals[r] = all / n;
    for (let c = 0; c < k; c++) if (count[c]! > 0) byLabel[c]!.push(bad[c]! / count[c]!);
  }
  const sums = new Float64Array(k);
  const counts = new Int32Array(k);
  for (const [i, y] of given.entries()) {
    sums[y]! += wrong[i]!;
    counts[y]!++;
  }
  const value = sums.reduce((sum, each) => sum + each, 0) / n;
  return {
    rate: interval(value, totals),
    rateByLabel: byLabel.map((drawn, c) => interval(counts[c]! === 0 ? 0 : sums[c]! / counts[c]!, drawn)),
  };
}

function interval(value: number, drawn: readonly number[]): Rate {
  const sorted = [...drawn].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? value;
  return { value, low: Math.min(value, at(0.025)), high: Math.max(value, at(0.975)) };
}
