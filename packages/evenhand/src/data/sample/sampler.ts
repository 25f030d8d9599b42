import { Random } from '../../random.js';

export interface SamplerOptions {
  /**
   * `shuffle`: each sample once, in random order. `balanced`: as many draws with replacement as there are samples, each
   * class n_c^-exponent times as likely per sample; exponent 1 (where absent) makes all classes equally frequent, 0.5
   * is square-root sampling, 0 keeps the frequencies.
   */
  readonly kind: 'shuffle' | 'balanced';
  readonly exponent?: number;
}

/** Labels as probabilities: [N,K], rows sum to 1, with the number of classes K. */
export interface SoftLabels {
  readonly posterior: ArrayLike<number>;
  readonly numClasses: number;
}

/**
 * The samples of an epoch in order, as indices into `labels`; a pure function of its arguments.
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
    const of = members.get(labels[i]!);
    if (of === undefined) members.set(labels[i]!, [i]);
    else of.push(i);
  }
  const classes = [...members.keys()].sort((a, b) => a - b).map((label) => members.get(label)!);
  let total = 0;
  const upTo = classes.map((of) => {
    total += of.length ** (1 - exponent);
    return total;
  });
  return Int32Array.from({ length: labels.length }, () => {
    const of = classes[firstAbove(upTo, random.uniform() * total)]!;
    return of[random.int(of.length)]!;
  });
}

/**
 * As `epochOrder` where labels are probabilities: a class is drawn, then one of its samples by the probability that it is
 * of that class. Counts of classes are expected ones.
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
  const perSample = counts.map((count) => (count > 0 ? Math.max(count, LEAST_COUNT) ** -exponent : 0));
  let total = 0;
  const upTo = Array.from({ length: n }, (_, i) => {
    for (let k = 0; k < numClasses; k++) total += posterior[i * numClasses + k]! * perSample[k]!;
    return total;
  });
  return Int32Array.from({ length: n }, () => firstAbove(upTo, random.uniform() * total));
}

/** A class of which hardly a sample is left is not drawn as often as the others: there is little to draw from. */
const LEAST_COUNT = 1;

/** The expected number of samples of each class, [K]. */
export function expectedCounts({ posterior, numClasses }: SoftLabels): Float64Array {
  const counts = new Float64Array(numClasses);
  for (let at = 0; at < posterior.length; at++) counts[at % numClasses]! += posterior[at]!;
  return counts;
}

/** The first place whose value is above `x`, the last one where rounding leaves none. */
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
