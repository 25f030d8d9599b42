import { ops, scope, type Tensor, tensor } from '@evenhand/torch';
import { assignFolds } from '../folds.js';
import { Random } from '../random.js';
import { heldOutWork, judge, judgeAgain, judgeHeldOut, judgeWork, type OnWork } from './judge.js';
import type { LabelEstimate } from './label-estimate.js';
import type { Scored } from './noise-model.js';
import { fitPlda, gaussianFeatures } from './plda.js';

/** Images with their labels. */
export interface Labelled {
  /** [N,F]: pooled features of each image from a network that was not trained on these labels. */
  readonly features: Tensor;
  /** [N]: given labels. */
  readonly given: Int32Array;
  /** [N]: not 0 for images whose label a person has confirmed, which is then right. Default: none. */
  readonly confirmed?: ArrayLike<number>;
}

export interface EstimateOptions extends Labelled {
  readonly numClasses: number;
  /** [N]: images of one group, such as two photos of one flower, are never on both sides of a fold. */
  readonly groups?: ArrayLike<number>;
  readonly seed: number;
  /** Other images, such as validation images: they are judged by the images above and have no part in the fit. */
  readonly heldOut?: Labelled;
  /** Called with the proportion of the work that is done, from 0 to 1. */
  readonly onProgress?: (done: number) => void;
}

export interface LabelEstimates {
  readonly labels: LabelEstimate;
  /** The estimate for `heldOut`; null if there are no such images. */
  readonly heldOut: LabelEstimate | null;
}

export const FOLDS = 10;
/** Work of one fit of the classifier, in the unit of `judgeWork`. */
const CLASSIFIER_WORK = 10;

/**
 * Estimates which labels are wrong, and how many. Each image is judged by a classifier and a noise model that were fitted
 * without it (cross-fitting, Chernozhukov et al., arXiv 1608.00060).
 *
 * @throws RangeError if there are fewer than 2 images or classes, or if features and labels differ in number
 */
export function estimateLabels(options: EstimateOptions): LabelEstimates {
  const { features, given, numClasses, seed, heldOut, confirmed } = options;
  if (features.shape[0] !== given.length) {
    throw new RangeError(`There are ${given.length} labels but features of ${features.shape[0]} images.`);
  }
  if (given.length < 2 || numClasses < 2) throw new RangeError('Judging labels needs at least 2 images and 2 classes.');
  const folds = assignFolds(given, FOLDS, new Random(seed, 0).permutation(given.length), options.groups);
  const n = given.length;
  const numHeldOut = heldOut?.given.length ?? 0;
  const onWork = workCounter(n * numClasses, numHeldOut * numClasses, options.onProgress);
  const x = numHeldOut === 0 ? gaussianFeatures(features) : gaussianFeatures(features, heldOut!.features);
  try {
    const memberships = new Float64Array(n * numClasses);
    for (const [i, y] of given.entries()) memberships[i * numClasses + y] = 1;
    const scored = (): Scored => ({ scores: scoresByFold(x, folds, memberships, onWork), given, numClasses });
    const first = judge(scored(), folds, { confirmed, seed, onWork });
    memberships.set(first.posterior);
    const labels = judgeAgain(scored(), first, confirmed);
    if (numHeldOut === 0) return { labels, heldOut: null };
    const rows = Int32Array.from({ length: numHeldOut }, (_, i) => n + i);
    const heldOutScores = scope(() =>
      scoresOf(x, Int32Array.from(given.keys()), membershipTensor(labels.posterior, n), rows),
    );
    const held = { scores: heldOutScores, given: heldOut!.given, numClasses };
    return { labels, heldOut: judgeHeldOut(held, { confirmed: heldOut!.confirmed, seed, onWork }) };
  } finally {
    x.dispose();
  }
}

/** Adds up work and reports it as a proportion of all. */
function workCounter(cells: number, heldOutCells: number, onProgress?: (done: number) => void): OnWork {
  const heldOut = heldOutCells === 0 ? 0 : heldOutWork(heldOutCells) * (heldOutCells / cells);
  const total = judgeWork(cells) + 2 * FOLDS * CLASSIFIER_WORK + heldOut;
  let done = 0;
  return (amount) => {
    done += amount;
    onProgress?.(Math.min(1, done / total));
  };
}

/** Scores [N,K] of each image by a fit to the memberships [N,K] of the images in other folds. */
function scoresByFold(x: Tensor, folds: Int32Array, memberships: Float64Array, onWork: OnWork): Float64Array {
  const n = folds.length;
  const k = memberships.length / n;
  const scores = new Float64Array(memberships.length);
  const all = Int32Array.from(folds.keys());
  scope(() => {
    const members = membershipTensor(memberships, n);
    for (let fold = 0; fold < FOLDS; fold++) {
      const [held, others] = [all.filter((i) => folds[i] === fold), all.filter((i) => folds[i] !== fold)];
      if (held.length > 0 && others.length > 0) {
        const foldScores = scope(() => scoresOf(x, others, members, held));
        for (const [row, i] of held.entries()) scores.set(foldScores.subarray(row * k, (row + 1) * k), i * k);
      }
      onWork(CLASSIFIER_WORK);
    }
  });
  return scores;
}

const membershipTensor = (memberships: Float64Array, n: number): Tensor =>
  tensor(memberships, [n, memberships.length / n]);

/** Scores of the rows `judged` of `x`, by a fit to the rows `fitted`, whose memberships are those rows of `members`. */
function scoresOf(x: Tensor, fitted: Int32Array, members: Tensor, judged: Int32Array): Float64Array {
  const index = (rows: Int32Array) => tensor(rows, [rows.length], { dtype: 'int64' });
  const plda = fitPlda(ops.indexSelect(x, 0, index(fitted)), ops.indexSelect(members, 0, index(fitted)));
  const scores = plda.score(ops.indexSelect(x, 0, index(judged)));
  plda.dispose();
  return scores;
}
