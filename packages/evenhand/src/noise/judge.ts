import { errorRates, resamplesFor } from './error-rates.js';
import type { LabelEstimate } from './label-estimate.js';
import {
  allRows,
  atBestTemperature,
  bestTemperature,
  CONFUSION_PRIORS,
  type Densities,
  densitiesAt,
  fitNoiseModel,
  type NoiseModel,
  posteriors,
  type Scored,
} from './noise-model.js';

/** Called with the amount of work done since the last call. */
export type OnWork = (amount: number) => void;

// Work is measured in passes over all scores; how many a step takes is approximate.
const SEARCH_WORK = 120;
const FIT_WORK = 15;
const CROSS_FIT_WORK = 140;
const RESAMPLE_WORK = 4;

/** Amount of work of `judge` for N*K scores. */
export const judgeWork = (cells: number): number =>
  CONFUSION_PRIORS.length * (SEARCH_WORK + FIT_WORK + CROSS_FIT_WORK) + RESAMPLE_WORK * resamplesFor(cells);

/** Amount of work of `judgeHeldOut` for N*K scores. */
export const heldOutWork = (cells: number): number => SEARCH_WORK + FIT_WORK + RESAMPLE_WORK * resamplesFor(cells);

export interface JudgeOptions {
  /** [N]: not 0 for images whose label a person has confirmed. */
  readonly confirmed: ArrayLike<number> | undefined;
  readonly seed: number;
  readonly onWork: OnWork;
}

/**
 * Estimates which labels are wrong. The posterior of each image comes from a noise model that was fitted without the
 * image's fold.
 *
 * @param scored scores of each image by a classifier that was fitted without its fold
 * @param folds [N]: each image's fold
 */
export function judge(scored: Scored, folds: Int32Array, options: JudgeOptions): LabelEstimate {
  let best: ReturnType<typeof crossFit> | undefined;
  for (const confusionPrior of CONFUSION_PRIORS) {
    const fit = crossFit(scored, folds, confusionPrior, options.onWork);
    if (best === undefined || fit.logLikelihood > best.logLikelihood) best = fit;
  }
  return estimateOf(best!, options);
}

/** As `judge`, for images that had no part in the fit of the classifier; their error rate may be a different one. */
export function judgeHeldOut(scored: Scored, options: JudgeOptions): LabelEstimate {
  const confusionPrior = Number.POSITIVE_INFINITY;
  const densities = densitiesAt(scored, bestTemperature(scored, confusionPrior));
  options.onWork(SEARCH_WORK);
  const rows = allRows(scored);
  const noise = fitNoiseModel(densities, rows, { confusionPrior });
  options.onWork(FIT_WORK);
  return estimateOf(
    { densities, noise, confusionPrior, posterior: posteriors(densities, rows, noise).posterior },
    options,
  );
}

/**
 * Judges the labels again by scores of classifiers that were fitted to the posterior labels of the first judgement, again
 * without each image's fold: these separate right and wrong labels better. But each label has indirectly influenced the
 * labels that it is judged by, so the error rates stay those of the first judgement.
 */
export function judgeAgain(
  scored: Scored,
  first: LabelEstimate,
  confirmed: ArrayLike<number> | undefined,
): LabelEstimate {
  const noise = atBestTemperature(scored, first.noise);
  const { posterior } = posteriors(densitiesAt(scored, noise.temperature), allRows(scored), noise);
  return { ...first, noise, ...perImage(scored, posterior, confirmed) };
}

interface Fit {
  readonly densities: Densities;
  readonly noise: NoiseModel;
  readonly confusionPrior: number;
  /** [N,K] */
  readonly posterior: Float64Array;
}

/** The noise model of all images, and each image's posterior by a model that was fitted without its fold. */
function crossFit(
  scored: Scored,
  folds: Int32Array,
  confusionPrior: number,
  onWork: OnWork,
): Fit & { logLikelihood: number } {
  const { given, numClasses: k } = scored;
  const densities = densitiesAt(scored, bestTemperature(scored, confusionPrior));
  onWork(SEARCH_WORK);
  const rows = allRows(scored);
  const noise = fitNoiseModel(densities, rows, { confusionPrior });
  onWork(FIT_WORK);
  const posterior = new Float64Array(scored.scores.length);
  const numFolds = folds.reduce((most, fold) => Math.max(most, fold), 0) + 1;
  let total = 0;
  for (let fold = 0; fold < numFolds; fold++) {
    const held = rows.filter((row) => folds[row] === fold);
    if (held.length > 0) {
      const others = rows.filter((row) => folds[row] !== fold);
      const result = posteriors(densities, held, fitNoiseModel(densities, others, { confusionPrior }));
      total += result.logLikelihood * held.length;
      for (const [position, row] of held.entries()) {
        posterior.set(result.posterior.subarray(position * k, (position + 1) * k), row * k);
      }
    }
    onWork(CROSS_FIT_WORK / numFolds);
  }
  return { logLikelihood: total / given.length, densities, noise, confusionPrior, posterior };
}

function estimateOf(fit: Fit, { confirmed, seed, onWork }: JudgeOptions): LabelEstimate {
  const { densities, noise, confusionPrior } = fit;
  const images = perImage(densities, fit.posterior, confirmed);
  return {
    ...images,
    ...errorRates(densities, images.wrong, noise, confusionPrior, seed, () => onWork(RESAMPLE_WORK)),
    kind: noise.confusions === null ? 'uniform' : 'pairs',
    noise,
  };
}

/** What the posterior says about each image; it is changed for confirmed labels, which are right. */
export function perImage(
  { given, numClasses: k }: Pick<Scored, 'given' | 'numClasses'>,
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

function likeliestOther(probabilities: Float64Array, given: number): number {
  let best = given === 0 ? 1 : 0;
  for (let c = 0; c < probabilities.length; c++) {
    if (c !== given && probabilities[c]! > probabilities[best]!) best = c;
  }
  return best;
}
