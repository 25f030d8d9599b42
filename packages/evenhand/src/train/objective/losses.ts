import { ops, type Tensor, tensor } from '@evenhand/torch';
import type { Config } from '../config/fields.js';

/** What a batch is to be taken for: `lambda` parts of the classes `a`, the rest of the classes `b` (MixUp, CutMix). */
export interface Targets {
  /** Classes int64 [N], or probabilities of classes float32 [N,K]. */
  readonly a: Tensor;
  /** As `a`; absent where the batch is not mixed. */
  readonly b?: Tensor;
  readonly lambda: number;
}

/** The loss of logits [N,K] against targets: a tensor without dimensions. */
export type Loss = (logits: Tensor, targets: Targets) => Tensor;

type LossConfig = Pick<
  Config,
  'balance' | 'loss' | 'labelSmoothing' | 'focalGamma' | 'effectiveBeta' | 'logitAdjustTau'
>;

/**
 * The loss that a configuration asks for.
 *
 * A class's weight applies to the samples of that class, after their targets are smoothed, so that smoothing moves no
 * probability towards rare classes (PyTorch weights the smoothed target itself: issue 104776). The mean is weighted, as
 * PyTorch's. With mixed targets it is lambda L(a) + (1 - lambda) L(b). Where targets are probabilities q of classes, L is
 * their mean: log p of the label becomes sum_k q_k log p_k, a sample's weight sum_k q_k w_k, and so for the focal loss.
 *
 * @param counts training images of each class; its length is K
 */
export function makeLoss(config: LossConfig, counts: ArrayLike<number>, device: string): Loss {
  const weights = classWeights(config, counts);
  const shifts = logitShifts(config, counts);
  // made anew for each batch, so that the scope around it frees them
  const row = (values: Float64Array) => tensor(values, [values.length], { dtype: 'float32', device });
  const { labelSmoothing: smoothing, focalGamma } = config;

  function towards(logProbabilities: Tensor, labels: Tensor): Tensor {
    const soft = labels.shape.length === 2;
    const expected = (values: Tensor) => ops.sumDim(ops.mul(labels, values), [1]);
    const ofLabel = soft
      ? expected(logProbabilities)
      : ops.squeeze(ops.gather(logProbabilities, 1, ops.unsqueeze(labels, 1)), 1);
    let each = ops.mulScalar(ofLabel, smoothing - 1);
    if (smoothing > 0) each = ops.sub(each, ops.mulScalar(ops.meanDim(logProbabilities, [1]), smoothing));
    if (config.loss === 'focal') {
      const probability = soft ? expected(ops.exp(logProbabilities)) : ops.exp(ofLabel);
      const missed = ops.addScalar(ops.neg(probability), 1);
      // below 1e-6 the power's slope could be infinite
      each = ops.mul(each, ops.pow(ops.clamp(missed, 1e-6), focalGamma));
    }
    if (!weights) return ops.mean(each);
    const of = soft ? expected(row(weights)) : ops.indexSelect(row(weights), 0, labels);
    return ops.div(ops.sum(ops.mul(each, of)), ops.sum(of));
  }

  return (logits, { a, b, lambda }) => {
    const logProbabilities = ops.logSoftmax(shifts ? ops.add(logits, row(shifts)) : logits, 1, 'float32');
    const first = towards(logProbabilities, a);
    if (!b) return first;
    return ops.add(ops.mulScalar(first, lambda), ops.mulScalar(towards(logProbabilities, b), 1 - lambda));
  };
}

/**
 * A weight a class: `weighted-loss` is scikit-learn's "balanced", N / (classes present * n_c); `effective-number` is
 * (1 - beta) / (1 - beta^n_c), scaled to mean 1 over the classes present: Cui et al., arXiv 1901.05555. Classes without
 * images get 1; undefined where no weights are asked for.
 */
export function classWeights(
  { balance, effectiveBeta }: Pick<LossConfig, 'balance' | 'effectiveBeta'>,
  counts: ArrayLike<number>,
): Float64Array | undefined {
  const all = Float64Array.from(counts);
  const present = all.filter((n) => n > 0);
  const total = present.reduce((sum, n) => sum + n, 0);
  if (balance.includes('weighted-loss')) return all.map((n) => (n > 0 ? total / (present.length * n) : 1));
  if (!balance.includes('effective-number')) return undefined;
  const of = (n: number) => (1 - effectiveBeta) / (1 - effectiveBeta ** n);
  const mean = present.reduce((sum, n) => sum + of(n), 0) / present.length;
  return all.map((n) => (n > 0 ? of(n) / mean : 1));
}

/**
 * What is added to each class's logit in training only: tau log(prior) for `logit-adjust` (Menon et al., arXiv
 * 2007.07314), the same with tau 1 for `balanced-softmax` (Ren et al., arXiv 2007.10740). A class without images counts
 * as having half of one. Undefined where neither is asked for.
 */
export function logitShifts(
  { balance, logitAdjustTau }: Pick<LossConfig, 'balance' | 'logitAdjustTau'>,
  counts: ArrayLike<number>,
): Float64Array | undefined {
  const tau = balance.includes('balanced-softmax') ? 1 : balance.includes('logit-adjust') ? logitAdjustTau : undefined;
  if (tau === undefined) return undefined;
  const all = Float64Array.from(counts, (n) => Math.max(n, 0.5));
  const total = all.reduce((sum, n) => sum + n, 0);
  return all.map((n) => tau * Math.log(n / total));
}
