import { checkLabels, classCounts } from './confusion.js';

/** How many images of a class the accuracy over all images counts as in the variance. */
const PRIOR_IMAGES = 2;

/** What is known of the error of the sum of the classes' F1. */
export interface SquaredError {
  readonly variance: number;
  /** The degrees of freedom of its estimate. */
  readonly freedom: number;
}

/** A model's predictions with what the F1 of each class is computed from. */
export class Scored {
  readonly support: Float64Array;
  readonly counts: Float64Array;
  readonly correct: Float64Array;
  readonly f1: Float64Array;
  /** The sum of the classes' F1, and the highest that it can be. */
  readonly sum: number;
  readonly highest: number;
  readonly numPresent: number;

  constructor(
    readonly truth: Int32Array,
    readonly predicted: Int32Array,
    readonly numClasses: number,
  ) {
    if (truth.length === 0) throw new RangeError('An interval of Macro F1 needs at least one image.');
    checkLabels(truth, predicted, numClasses);
    this.support = classCounts(truth, numClasses);
    this.counts = classCounts(predicted, numClasses);
    this.correct = new Float64Array(numClasses);
    for (let i = 0; i < truth.length; i++) if (truth[i] === predicted[i]) this.correct[truth[i]!]! += 1;
    this.f1 = this.correct.map((right, k) => f1(right, this.support[k]! + this.counts[k]!));
    this.sum = this.f1.reduce((sum, score) => sum + score, 0);
    this.highest = this.support.filter((count) => count > 0).length;
    this.numPresent = this.support.filter((count, k) => count + this.counts[k]! > 0).length;
  }

  /**
   * The change of the sum if an image of class `label` that is predicted as `left` is left out and the others of the class
   * count more instead. `row` has the number of predictions of that class by predicted class.
   */
  withoutImage(label: number, left: number, row: ReadonlyMap<number, number>): number {
    const n = this.support[label]!;
    let change = 0;
    for (const [k, count] of row) {
      const weighted = ((count - (k === left ? 1 : 0)) * n) / (n - 1);
      const size = this.support[k]! + this.counts[k]! - count + weighted;
      change += f1(k === label ? weighted : this.correct[k]!, size) - this.f1[k]!;
    }
    return change;
  }

  /** For each class, the change of the sum if one more of its images is right instead of wrong, at a mean recall. */
  slopes(recall: number): Float64Array {
    // What a wrong prediction takes from the class that is predicted, which may be any.
    let fromOthers = 0;
    for (let k = 0; k < this.numClasses; k++) {
      if (this.f1[k]! > 0) fromOthers += this.f1[k]! / (this.support[k]! + this.counts[k]!) / this.numClasses;
    }
    return this.support.map((n, k) => {
      const wrong = this.counts[k]! - this.correct[k]!;
      return fromOthers + (n === 1 ? 2 / (2 + wrong) : (2 * (n + wrong)) / (n + wrong + n * recall) ** 2);
    });
  }
}

/**
 * The error of the sum of the classes' F1 of a model, or of the second model's minus the first's, by the stratified
 * jackknife. A class with one image takes the mean variance of right and wrong within the other classes. The variance of
 * PRIOR_IMAGES images with the accuracy over all images is added, so that it is never 0.
 */
export function errorOf(models: readonly [Scored] | readonly [Scored, Scored]): SquaredError {
  const [a, b] = models;
  const n = a.truth.length;
  /** Whether the model is right; of two models, whether the second is, minus whether the first is. */
  const outcome = (label: number, first: number, second: number): number => {
    const right = first === label ? 1 : 0;
    return b === undefined ? right : (second === label ? 1 : 0) - right;
  };
  const groups = groupImages(a, b ?? a);
  let jackknife = 0;
  let freedom = 0;
  let outcomes = 0;
  let total = 0;
  for (const [label, group] of groups.entries()) {
    for (const { first, second, count } of group) total += Math.abs(outcome(label, first, second)) * count;
    const size = a.support[label]!;
    if (size < 2) continue;
    const rowOfA = rowOf(group, 'first');
    const rowOfB = rowOf(group, 'second');
    jackknife +=
      ((size - 1) / size) *
      squares(group, ({ first, second }) => {
        const change = a.withoutImage(label, first, rowOfA);
        return b === undefined ? change : b.withoutImage(label, second, rowOfB) - change;
      });
    outcomes += squares(group, ({ first, second }) => outcome(label, first, second));
    freedom += size - 1;
  }
  // Counted besides: two right and two wrong predictions; of two models, one image on which only one of them is right, each.
  const share = (total + 2) / (n + (b === undefined ? 4 : 2));
  const overall = b === undefined ? share * (1 - share) : share;
  const single = (outcomes + PRIOR_IMAGES * overall) / (freedom + PRIOR_IMAGES);
  const recall = (a.correct.reduce((sum, count) => sum + count, 0) + 1) / (n + 2);
  const slopes = models.map((model) => model.slopes(recall));
  let prior = 0;
  for (const [label, size] of a.support.entries()) {
    if (size === 0) continue;
    const slope = slopes.reduce((sum, ofModel) => sum + ofModel[label]!, 0) / slopes.length;
    prior += size * slope ** 2 * overall;
    if (size === 1) jackknife += slope ** 2 * single;
  }
  const weight = PRIOR_IMAGES / (freedom + PRIOR_IMAGES);
  return { variance: (1 - weight) * jackknife + weight * prior, freedom: freedom + PRIOR_IMAGES + weight * n };
}

/** F1 of a class from its correct predictions and the number of its images and predictions. */
export function f1(correct: number, size: number): number {
  return size > 0 ? (2 * correct) / size : 0;
}

/** Images of one class with the same prediction by each of two models. */
interface Group {
  readonly first: number;
  readonly second: number;
  count: number;
}

/** For each true class, its images by what both models predict. */
function groupImages({ truth, predicted, numClasses }: Scored, other: Scored): Group[][] {
  const groups = Array.from({ length: numClasses }, () => new Map<number, Group>());
  for (let i = 0; i < truth.length; i++) {
    const first = predicted[i]!;
    const second = other.predicted[i]!;
    const ofClass = groups[truth[i]!]!;
    const key = first * numClasses + second;
    const group = ofClass.get(key);
    if (group === undefined) ofClass.set(key, { first, second, count: 1 });
    else group.count++;
  }
  return groups.map((ofClass) => [...ofClass.values()]);
}

/** The number of predictions of each class. */
function rowOf(groups: readonly Group[], model: 'first' | 'second'): Map<number, number> {
  const row = new Map<number, number>();
  for (const group of groups) row.set(group[model], (row.get(group[model]) ?? 0) + group.count);
  return row;
}

/** The sum over images of squared differences from the mean. */
function squares(groups: readonly Group[], measure: (group: Group) => number): number {
  let n = 0;
  let sum = 0;
  let ofSquares = 0;
  for (const group of groups) {
    const value = measure(group);
    n += group.count;
    sum += group.count * value;
    ofSquares += group.count * value * value;
  }
  return Math.max(0, ofSquares - (sum * sum) / n);
}
