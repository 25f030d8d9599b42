import { keep, ops, type Tensor, tensor } from '@evenhand/torch';
import type { Config } from '../config/fields.js';
import { classWeights, logitShifts } from './balance.js';
import type { Targets } from './targets.js';

/** The loss of logits [N,K] against targets: a scalar tensor. */
export interface Loss {
  (logits: Tensor, targets: Targets): Tensor;
  /** Frees its weights and shifts. */
  dispose(): void;
}

type LossConfig = Pick<
  Config,
  'balance' | 'loss' | 'labelSmoothing' | 'focalGamma' | 'effectiveBeta' | 'logitAdjustTau'
>;

/**
 * The loss of a configuration.
 *
 * A class's weight applies to the samples of that class, after their targets are smoothed, so that smoothing moves no
 * probability towards rare classes (PyTorch weights the smoothed target itself: issue 104776). The mean is weighted, as
 * PyTorch's. With mixed targets it is lambda L(a) + (1 - lambda) L(b). Where targets are probabilities q of classes, L is
 * their mean: log p of the label becomes sum_k q_k log p_k, a sample's weight sum_k q_k w_k, and so for the focal loss.
 *
 * @param counts number of training images of each class, [K]
 */
export function makeLoss(config: LossConfig, counts: ArrayLike<number>, device: string): Loss {
  const row = (values: Float64Array | undefined) =>
    values && keep(tensor(values, [values.length], { dtype: 'float32', device }));
  const weights = row(classWeights(config, counts));
  const shifts = row(logitShifts(config, counts));
  const { labelSmoothing: smoothing, focalGamma } = config;

  function lossTowards(logProbabilities: Tensor, labels: Tensor): Tensor {
    const soft = labels.shape.length === 2;
    const expected = (values: Tensor) => ops.sumDim(ops.mul(labels, values), [1]);
    const ofTarget = soft
      ? expected(logProbabilities)
      : ops.squeeze(ops.gather(logProbabilities, 1, ops.unsqueeze(labels, 1)), 1);
    let losses = ops.mulScalar(ofTarget, smoothing - 1);
    if (smoothing > 0) losses = ops.sub(losses, ops.mulScalar(ops.meanDim(logProbabilities, [1]), smoothing));
    if (config.loss === 'focal') {
      const probability = soft ? expected(ops.exp(logProbabilities)) : ops.exp(ofTarget);
      const missed = ops.addScalar(ops.neg(probability), 1);
      // Below 1e-6 the slope of the power could be infinite.
      losses = ops.mul(losses, ops.pow(ops.clamp(missed, 1e-6), focalGamma));
    }
    if (!weights) return ops.mean(losses);
    const weight = soft ? expected(weights) : ops.indexSelect(weights, 0, labels);
    return ops.div(ops.sum(ops.mul(losses, weight)), ops.sum(weight));
  }

  const loss = (logits: Tensor, { a, b, lambda, shares }: Targets): Tensor => {
    const logProbabilities = ops.logSoftmax(shifts ? ops.add(logits, shifts) : logits, 1, 'float32');
    const first = lossTowards(logProbabilities, a);
    if (!b) return first;
    const second = lossTowards(logProbabilities, b);
    if (shares) return ops.add(ops.mul(first, shares[0]), ops.mul(second, shares[1]));
    return ops.add(ops.mulScalar(first, lambda), ops.mulScalar(second, 1 - lambda));
  };
  return Object.assign(loss, {
    dispose(): void {
      weights?.dispose();
      shifts?.dispose();
    },
  });
}
