import { Random } from '../../random.js';

export interface SamplerOptions {
  /**
   * `shuffle`: each sample once, in random order. `balanced`: as many draws with replacement as there are samples, with
   * weight n_c^-exponent for each sample of a class with n_c samples. Exponent 1 (the default) makes all classes equally
   * frequent, 0.5 is square-root sampling, 0 keeps the class frequencies.
   */
  readonly kind: 'shuffle' | 'balanced';
  readonly exponent?: number;
}

/** Labels as probabilities: [N,K], rows sum to 1; K = `numClasses`. */
export interface SoftLabels {
  readonly posterior: ArrayLike<number>;
  readonly numClasses: number;
}

/**
 * The order of samples in an epoch, as indices into `labels`; a pure function of its arguments.
 * Sources: PyTorch's `WeightedRandomSampler`; square-root sampling: Mahajan et al., arXiv 1805.00932.
 * @param labels the class of each sample
 */
export function epochOrder(
  labels: ArrayLike<number>,
  { kind, exponent = 1 }: SamplerOptions,
  seed: number,
  epoch: number,
): Int32Array {
  const random = new Random(seed, epoch);
  if (kind === 'shuffle') return random.permutation(labels.length);
  const members = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const indices = members.get(labels[i]!);
    if (indices === undefined) members.set(labels[i]!, [i]);
    else indices.push(i);
  }
  const classes = [...members.keys()].sort((a, b) => a - b).map((label) => members.get(label)!);
  let total = 0;
  const cumulative = classes.map((indices) => {
    total += indices.length ** (1 - exponent);
    return total;
  });
  return Int32Array.from({ length: labels.length }, () => {
    const indices = classes[firstAbove(cumulative, random.uniform() * total)]!;
    return indices[random.int(indices.length)]!;
  });
}

/**
 * `epochOrder` for labels that are probabilities: a class is drawn, then one of its samples with the probability that it
 * belongs to that class. Class counts are expected counts.
 */
export function softEpochOrder(
  { posterior, numClasses }: SoftLabels,
  { kind, exponent = 1 }: SamplerOptions,
  seed: number,
  epoch: number,
): Int32Array {
  const random = new Random(seed, epoch);
  const n = posterior.length / numClasses;
  if (kind === 'shuffle') return random.permutation(n);
  const counts = expectedCounts({ posterior, numClasses });
  const perSample = counts.map((count) => (count > 0 ? Math.max(count, MIN_COUNT) ** -exponent : 0));
  let total = 0;
  const cumulative = Array.from({ length: n }, (_, i) => {
    for (let k = 0; k < numClasses; k++) total += posterior[i * numClasses + k]! * perSample[k]!;
    return total;
  });
  return Int32Array.from({ length: n }, () => firstAbove(cumulative, random.uniform() * total));
}

/** The smallest expected count that is balanced: a class with almost no samples left is drawn less often than others. */
const MIN_COUNT = 1;

/** The expected number of samples of each class, [K]. */
export function expectedCounts({ posterior, numClasses }: SoftLabels): Float64Array {
  const counts = new Float64Array(numClasses);
  for (let i = 0; i < posterior.length; i++) counts[i % numClasses]! += posterior[i]!;
  return counts;
}

/** The index of the first value above `x`; the last index if rounding leaves none. */
function firstAbove(values: readonly number[], x: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! > x) high = middle;
    else low = middle + 1;
  }
  return low;
}
