import { expectedCounts, type Sample, type SamplerOptions } from '../../data/index.js';
import { classCounts } from '../../metrics/index.js';
import type { Config } from '../config/fields.js';

export function samplerOptions({ balance, samplerExponent }: Config): SamplerOptions {
  return balance.includes('sampler') ? { kind: 'balanced', exponent: samplerExponent } : { kind: 'shuffle' };
}

/** Number of images of each class: [K]. */
export function countLabels(samples: readonly Sample[], numClasses: number): Float64Array {
  return classCounts(
    Int32Array.from(samples, ({ label }) => label),
    numClasses,
  );
}

/** Number of training images of each class, expected numbers if labels are probabilities [N,K]: [K]. */
export function trainingCounts(
  samples: readonly Sample[],
  posterior: Float32Array | null,
  numClasses: number,
): ArrayLike<number> {
  return posterior === null ? countLabels(samples, numClasses) : expectedCounts({ posterior, numClasses });
}

/**
 * One weight per class: `weighted-loss` is scikit-learn's "balanced", N / (classes present * n_c); `effective-number` is
 * (1 - beta) / (1 - beta^n_c), scaled to mean 1 over the classes present: Cui et al., arXiv 1901.05555. Classes without
 * images get 1. Undefined if the configuration has no weights.
 */
export function classWeights(
  { balance, effectiveBeta }: Pick<Config, 'balance' | 'effectiveBeta'>,
  counts: ArrayLike<number>,
): Float64Array | undefined {
  const all = Float64Array.from(counts);
  const present = all.filter((n) => n > 0);
  const total = present.reduce((sum, n) => sum + n, 0);
  if (balance.includes('weighted-loss')) return all.map((n) => (n > 0 ? total / (present.length * n) : 1));
  if (!balance.includes('effective-number')) return undefined;
  const weightOf = (n: number) => (1 - effectiveBeta) / (1 - effectiveBeta ** n);
  const mean = present.reduce((sum, n) => sum + weightOf(n), 0) / present.length;
  return all.map((n) => (n > 0 ? weightOf(n) / mean : 1));
}

/**
 * The weight of each training image in the loss, [N]: that of its class, or the expected one if labels are probabilities
 * [N,K]. Undefined if the configuration has no weights.
 */
export function sampleWeights(
  config: Pick<Config, 'balance' | 'effectiveBeta'>,
  samples: readonly Sample[],
  posterior: Float32Array | null,
  counts: ArrayLike<number>,
): Float64Array | undefined {
  const weights = classWeights(config, counts);
  if (weights === undefined) return undefined;
  const numClasses = weights.length;
  return Float64Array.from(samples, ({ label }, i) =>
    posterior === null ? weights[label]! : weights.reduce((sum, w, k) => sum + w * posterior[i * numClasses + k]!, 0),
  );
}

/**
 * The shift of each class's logit in training: tau log(prior) for `logit-adjust` (Menon et al., arXiv
 * 2007.07314), the same with tau 1 for `balanced-softmax` (Ren et al., arXiv 2007.10740). A class without images counts
 * as having half an image. Undefined if the configuration has neither.
 */
export function logitShifts(
  { balance, logitAdjustTau }: Pick<Config, 'balance' | 'logitAdjustTau'>,
  counts: ArrayLike<number>,
): Float64Array | undefined {
  const tau = balance.includes('balanced-softmax') ? 1 : balance.includes('logit-adjust') ? logitAdjustTau : undefined;
  if (tau === undefined) return undefined;
  const all = Float64Array.from(counts, (n) => Math.max(n, 0.5));
  const total = all.reduce((sum, n) => sum + n, 0);
  return all.map((n) => tau * Math.log(n / total));
}
