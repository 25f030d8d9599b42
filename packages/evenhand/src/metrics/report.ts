import type { ConfusionMatrix } from './confusion.js';

/** The scores of one class. 0/0 counts as 0. */
export interface ClassScore {
  /** The proportion of images predicted as this class that belong to it; 0 if none was predicted. */
  readonly precision: number;
  /** The proportion of this class's images that were predicted as it; 0 if it has no images. */
  readonly recall: number;
  /** The harmonic mean of precision and recall, 2 TP / (support + predicted); 0 if both are 0. */
  readonly f1: number;
  /** Number of images of this class. */
  readonly support: number;
  /** Number of images predicted as this class. */
  readonly predicted: number;
}

/** All scores of one confusion matrix. Every score is in [0, 1], and 0/0 counts as 0. */
export interface ClassificationReport {
  readonly numClasses: number;
  /** Number of images. */
  readonly numImages: number;
  /** Number of classes that occur in the truth or among the predictions. */
  readonly numPresent: number;
  /** Number of classes that occur in the truth. */
  readonly numSupported: number;
  /** The proportion of correct predictions. */
  readonly accuracy: number;
  /** The mean recall over the classes that occur in the truth (scikit-learn's `balanced_accuracy_score`). */
  readonly balancedAccuracy: number;
  /**
   * The mean of the classes' F1 over **all** K classes; one that occurs in neither truth nor predictions counts as 0
   * (scikit-learn's `f1_score(average='macro', labels=range(K), zero_division=0)`).
   */
  readonly macroF1: number;
  /**
   * The mean of the classes' F1 over the classes **present** in the truth or among the predictions
   * (scikit-learn's `f1_score(average='macro')` without `labels`).
   */
  readonly macroF1Present: number;
  /** F1 of all predictions pooled over all K classes. With one label per image it equals the accuracy. */
  readonly microF1: number;
  /** The mean of the classes' F1, weighted by support: frequent classes dominate it. */
  readonly weightedF1: number;
  /** [K] in class order. */
  readonly perClass: readonly ClassScore[];
}

/**
 * Per-class and average scores of a confusion matrix, equal to scikit-learn's with `zero_division=0`.
 *
 * Macro F1 is the mean of the classes' F1, not the F1 of mean precision and mean recall (Opitz and Burst 2019,
 * arXiv 1911.03347). If there are no images, every score is 0.
 */
export function classificationReport(matrix: ConfusionMatrix): ClassificationReport {
  const { numClasses, counts } = matrix;
  const support = new Float64Array(numClasses);
  const predicted = new Float64Array(numClasses);
  for (let i = 0; i < numClasses; i++) {
    for (let j = 0; j < numClasses; j++) {
      const count = counts[i * numClasses + j]!;
      support[i]! += count;
      predicted[j]! += count;
    }
  }
  const perClass: ClassScore[] = [];
  const sum = { images: 0, correct: 0, f1: 0, weightedF1: 0, recall: 0, present: 0, supported: 0 };
  for (let i = 0; i < numClasses; i++) {
    const correct = counts[i * numClasses + i]!;
    const score = {
      precision: ratio(correct, predicted[i]!),
      recall: ratio(correct, support[i]!),
      f1: ratio(2 * correct, support[i]! + predicted[i]!),
      support: support[i]!,
      predicted: predicted[i]!,
    };
    perClass.push(score);
    sum.images += score.support;
    sum.correct += correct;
    sum.f1 += score.f1;
    sum.weightedF1 += score.f1 * score.support;
    sum.recall += score.recall;
    if (score.support + score.predicted > 0) sum.present += 1;
    if (score.support > 0) sum.supported += 1;
  }
  const accuracy = ratio(sum.correct, sum.images);
  return {
    numClasses,
    numImages: sum.images,
    numPresent: sum.present,
    numSupported: sum.supported,
    accuracy,
    balancedAccuracy: ratio(sum.recall, sum.supported),
    macroF1: sum.f1 / numClasses,
    macroF1Present: ratio(sum.f1, sum.present),
    // Each wrong prediction is one false positive and one false negative, so pooled precision = recall = accuracy.
    microF1: accuracy,
    weightedF1: ratio(sum.weightedF1, sum.images),
    perClass,
  };
}

/** The classes over which Macro F1 is the mean: `all` K (`macroF1`), or the `present` ones (`macroF1Present`). */
export type MacroF1Average = 'all' | 'present';

/**
 * The name of a Macro F1 with the classes that it averages, for every place that shows one:
 * `Macro F1 over all 102 classes (37 present)` or `Macro F1 over the 37 of 102 classes present`.
 * Present are the classes that occur in the truth or among the predictions.
 */
export function describeMacroF1(
  classes: { readonly numClasses: number; readonly numPresent: number },
  average: MacroF1Average,
): string {
  const { numClasses, numPresent } = classes;
  if (numPresent === numClasses) return `Macro F1 over all ${numClasses} classes`;
  return average === 'all'
    ? `Macro F1 over all ${numClasses} classes (${numPresent} present)`
    : `Macro F1 over the ${numPresent} of ${numClasses} classes present`;
}

function ratio(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator;
}
