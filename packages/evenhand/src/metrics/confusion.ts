/** Counts of (true class, predicted class) pairs. `counts` is [K,K] row-major: row = truth, column = prediction. */
export interface ConfusionMatrix {
  readonly numClasses: number;
  readonly counts: Float64Array;
}

/**
 * Counts every (truth, prediction) pair. Macro F1 is not an average over batches: count the whole set, or add the matrices
 * of its parts with {@link addConfusion}, and compute the scores from the sum.
 *
 * @param truth [N] class indices from 0 to numClasses - 1
 * @param predicted [N] class indices from 0 to numClasses - 1
 * @throws RangeError if the lengths differ or a label is out of range
 */
export function confusionMatrix(truth: Int32Array, predicted: Int32Array, numClasses: number): ConfusionMatrix {
  checkLabels(truth, predicted, numClasses);
  const counts = new Float64Array(numClasses * numClasses);
  for (let i = 0; i < truth.length; i++) counts[truth[i]! * numClasses + predicted[i]!]! += 1;
  return { numClasses, counts };
}

/**
 * Adds the confusion matrices of disjoint parts of a data set (ranks, folds, batches).
 *
 * @throws RangeError if there is no matrix or their numbers of classes differ
 */
export function addConfusion(...parts: ConfusionMatrix[]): ConfusionMatrix {
  const first = parts[0];
  if (first === undefined) throw new RangeError('addConfusion needs at least one confusion matrix.');
  const counts = first.counts.slice();
  for (const part of parts.slice(1)) {
    if (part.numClasses !== first.numClasses) {
      throw new RangeError(
        `Confusion matrices of ${first.numClasses} and of ${part.numClasses} classes cannot be added: ` +
          'use the same list of classes for all parts.',
      );
    }
    for (let i = 0; i < counts.length; i++) counts[i]! += part.counts[i]!;
  }
  return { numClasses: first.numClasses, counts };
}

/**
 * Counts the labels of each class: [K].
 *
 * @param labels [N] class indices from 0 to numClasses - 1
 * @throws RangeError if a label is out of range
 */
export function classCounts(labels: Int32Array, numClasses: number): Float64Array {
  checkRange('labels', labels, numClasses);
  const counts = new Float64Array(numClasses);
  for (const label of labels) counts[label]! += 1;
  return counts;
}

/** Throws a `RangeError` that names the first label that is out of range, or the lengths if they differ. */
export function checkLabels(truth: Int32Array, predicted: Int32Array, numClasses: number): void {
  if (truth.length !== predicted.length) {
    throw new RangeError(
      `There are ${truth.length} true labels but ${predicted.length} predictions; expected the same number.`,
    );
  }
  checkRange('truth', truth, numClasses);
  checkRange('predicted', predicted, numClasses);
}

function checkRange(name: string, labels: Int32Array, numClasses: number): void {
  if (!Number.isInteger(numClasses) || numClasses < 1) {
    throw new RangeError(`numClasses must be a whole number of at least 1, got ${numClasses}.`);
  }
  const wrong = labels.findIndex((label) => label < 0 || label >= numClasses);
  if (wrong >= 0) {
    throw new RangeError(
      `${name}[${wrong}] is ${labels[wrong]}, but with ${numClasses} classes a class index is from 0 to ${numClasses - 1}.`,
    );
  }
}
