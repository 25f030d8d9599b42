import { assignFolds } from '../folds.js';
import { Random } from '../random.js';
import { type EstimateOptions, FOLDS } from './estimate.js';
import { judge, judgeWork, type OnWork, perImage } from './judge.js';
import type { LabelEstimate } from './label-estimate.js';

export interface SharpenOptions extends Omit<EstimateOptions, 'features' | 'heldOut'> {
  /** [N,K]: a first judgement, the probability of each class to be the true one given the label. */
  readonly first: Float64Array;
  /** [N,K]: logits of each image by a network that was not trained on it. */
  readonly scores: Float64Array;
}

/** How much the scores count: they and the first judgement often err together, because the networks are related. */
const SCORE_SHARE = 0.5;

/** The least probability in a first judgement, from which small ones are left out. */
const LEAST = 1e-5;

/**
 * Judges labels again by the scores of networks that have not seen them, together with a first judgement. The scores become
 * probabilities at the temperature of a noise model that is fitted to them, so that a network that knows little changes
 * little: the posterior is proportional to `first * softmax(scores / temperature) ** share`.
 *
 * @throws RangeError if scores, first judgement and labels differ in number
 */
export function sharpenLabels(options: SharpenOptions): Pick<LabelEstimate, 'posterior' | 'wrong' | 'suggested'> {
  const { first, scores, given, numClasses: k, seed, confirmed, groups, onProgress } = options;
  if (scores.length !== given.length * k || first.length !== scores.length) {
    throw new RangeError(
      `${scores.length} scores and ${first.length} probabilities are not rows of ${k} for ${given.length} labels.`,
    );
  }
  const folds = assignFolds(given, FOLDS, new Random(seed, 0).permutation(given.length), groups);
  const total = judgeWork(scores.length);
  let done = 0;
  const onWork: OnWork = (amount) => {
    done += amount;
    onProgress?.(Math.min(1, done / total));
  };
  const { temperature } = judge({ scores, given, numClasses: k }, folds, { confirmed, seed, onWork }).noise;
  const posterior = new Float64Array(scores.length);
  for (let from = 0; from < scores.length; from += k) {
    const row = scores.subarray(from, from + k);
    const most = row.reduce((a, b) => Math.max(a, b));
    let sum = 0;
    for (let c = 0; c < k; c++) {
      const value = Math.max(LEAST, first[from + c]!) * Math.exp((SCORE_SHARE * (row[c]! - most)) / temperature);
      posterior[from + c] = value;
      sum += value;
    }
    for (let c = 0; c < k; c++) posterior[from + c]! /= sum;
  }
  return perImage({ given, numClasses: k }, posterior, confirmed);
}
