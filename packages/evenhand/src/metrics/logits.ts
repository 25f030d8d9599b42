/** Logits of N images, [N,K] row-major. */
export type Logits = Float32Array | Float64Array;

/**
 * The most probable class of each image: [N]. Of equal logits the lowest class index, as in numpy and PyTorch.
 *
 * @param logits [N,K]
 * @throws RangeError if `logits` is not [N,K], or a row contains NaN or has no finite largest logit
 */
export function argmax(logits: Logits, numClasses: number): Int32Array {
  const best = new Int32Array(numRows(logits, numClasses));
  for (let i = 0; i < best.length; i++) {
    const row = logits.subarray(i * numClasses, (i + 1) * numClasses);
    best[i] = row.indexOf(rowMaximum(row, i));
  }
  return best;
}

/**
 * Logarithms of the class probabilities, [N,K]; each row's largest logit is subtracted first, so nothing overflows.
 *
 * @param logits [N,K]
 * @throws RangeError if `logits` is not [N,K], or a row contains NaN or has no finite largest logit
 */
export function logSoftmax(logits: Logits, numClasses: number): Float64Array {
  const result = Float64Array.from(logits);
  const n = numRows(logits, numClasses);
  for (let i = 0; i < n; i++) {
    const row = result.subarray(i * numClasses, (i + 1) * numClasses);
    const maximum = rowMaximum(row, i);
    let sum = 0;
    for (const logit of row) sum += Math.exp(logit - maximum);
    const logSum = Math.log(sum);
    // Not minus (maximum + logSum): a large maximum would round the small logarithm away.
    for (let j = 0; j < numClasses; j++) row[j] = row[j]! - maximum - logSum;
  }
  return result;
}

/**
 * Class probabilities, [N,K]; each row sums to 1.
 *
 * @param logits [N,K]
 * @throws RangeError if `logits` is not [N,K], or a row contains NaN or has no finite largest logit
 */
export function softmax(logits: Logits, numClasses: number): Float64Array {
  return logSoftmax(logits, numClasses).map(Math.exp);
}

/**
 * The mean negative log-likelihood of the true classes in nats, unweighted and without label smoothing. Infinite if a true
 * class has probability 0; 0 if there are no images.
 *
 * @param logits [N,K]
 * @param truth [N] class indices
 * @throws RangeError as {@link logSoftmax}, or if `truth` does not match
 */
export function negativeLogLikelihood(logits: Logits, truth: Int32Array, numClasses: number): number {
  checkTruth(logits, truth, numClasses);
  const logProbabilities = logSoftmax(logits, numClasses);
  let sum = 0;
  for (let i = 0; i < truth.length; i++) sum -= logProbabilities[i * numClasses + truth[i]!]!;
  return truth.length === 0 ? 0 : sum / truth.length;
}

/**
 * The proportion of images whose true class is among the k largest logits; 1 if k >= K, 0 if there are no images. Of equal
 * logits the lower class index ranks first, so that k = 1 is the accuracy of {@link argmax}; scikit-learn's
 * `top_k_accuracy_score` ranks equal scores the other way round.
 *
 * @param logits [N,K]
 * @param truth [N] class indices
 * @throws RangeError as {@link argmax}, or if `k` is not a positive integer or `truth` does not match
 */
export function topKAccuracy(logits: Logits, truth: Int32Array, numClasses: number, k: number): number {
  checkTruth(logits, truth, numClasses);
  if (!Number.isInteger(k) || k < 1) throw new RangeError(`k must be a whole number of at least 1, got ${k}.`);
  let right = 0;
  for (let i = 0; i < truth.length; i++) {
    const row = logits.subarray(i * numClasses, (i + 1) * numClasses);
    rowMaximum(row, i);
    const label = truth[i]!;
    const logit = row[label]!;
    let rank = 0;
    for (let j = 0; j < numClasses; j++) if (row[j]! > logit || (row[j] === logit && j < label)) rank++;
    if (rank < k) right++;
  }
  return truth.length === 0 ? 0 : right / truth.length;
}

/**
 * Expected calibration error, in [0, 1]: images are put into M bins of equal width by their confidence (largest
 * probability), bin m being ((m-1)/M, m/M]; the result is the mean over images of |accuracy - mean confidence| of their
 * bin. 0 if there are no images.
 * Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017, with M = 15.
 *
 * @param logits [N,K]
 * @param truth [N] class indices
 * @throws RangeError as {@link logSoftmax}, or if `truth` does not match or `numBins` is not a positive integer
 */
export function expectedCalibrationError(
  logits: Logits,
  truth: Int32Array,
  numClasses: number,
  { numBins = 15 }: { numBins?: number } = {},
): number {
  checkTruth(logits, truth, numClasses);
  if (!Number.isInteger(numBins) || numBins < 1) {
    throw new RangeError(`numBins must be a whole number of at least 1, got ${numBins}.`);
  }
  const predicted = argmax(logits, numClasses);
  const probabilities = softmax(logits, numClasses);
  // Per bin: the number of correct predictions minus the sum of confidences.
  const excess = new Float64Array(numBins);
  for (let i = 0; i < truth.length; i++) {
    const confidence = probabilities[i * numClasses + predicted[i]!]!;
    const bin = Math.min(Math.max(Math.ceil(confidence * numBins), 1), numBins) - 1;
    excess[bin]! += (predicted[i] === truth[i] ? 1 : 0) - confidence;
  }
  return truth.length === 0 ? 0 : excess.reduce((sum, e) => sum + Math.abs(e), 0) / truth.length;
}

function numRows(logits: Logits, numClasses: number): number {
  if (!Number.isInteger(numClasses) || numClasses < 1 || logits.length % numClasses !== 0) {
    throw new RangeError(`${logits.length} logits are not rows of ${numClasses} classes; expected shape [N,K].`);
  }
  return logits.length / numClasses;
}

function rowMaximum(row: Logits, index: number): number {
  let maximum = Number.NEGATIVE_INFINITY;
  for (const logit of row) {
    if (logit > maximum || Number.isNaN(logit)) maximum = logit;
    if (Number.isNaN(maximum)) break;
  }
  if (!Number.isFinite(maximum)) {
    throw new RangeError(
      `The largest logit of image ${index} is ${maximum}; expected a finite number. ` +
        'If training has diverged, lower the learning rate.',
    );
  }
  return maximum;
}

function checkTruth(logits: Logits, truth: Int32Array, numClasses: number): void {
  const n = numRows(logits, numClasses);
  if (truth.length !== n) throw new RangeError(`There are ${truth.length} true labels but logits of ${n} images.`);
  const wrong = truth.findIndex((label) => label < 0 || label >= numClasses);
  if (wrong >= 0) {
    throw new RangeError(`truth[${wrong}] is ${truth[wrong]}; expected a class index from 0 to ${numClasses - 1}.`);
  }
}
