import { keep, type Tensor, tensor } from '@evenhand/torch';
import type { Sample } from '../../data/index.js';

/** Targets of a batch. With MixUp or CutMix it is `lambda` parts of `a` and the rest of `b`. */
export interface Targets {
  /** Classes int64 [N], or class probabilities float32 [N,K]. */
  readonly a: Tensor;
  /** As `a`; absent if the batch is not mixed. */
  readonly b?: Tensor;
  readonly lambda: number;
  /** lambda and 1 - lambda as scalars on the device; if present, they are used in the place of `lambda`. */
  readonly shares?: readonly [Tensor, Tensor];
}

/**
 * The targets of all training images on the device: classes int64 [N], or their probabilities float32 [N,K]. The caller
 * disposes of the tensor.
 */
export function targetTensor(
  samples: readonly Sample[],
  posterior: Float32Array | null,
  numClasses: number,
  device: string,
): Tensor {
  if (posterior !== null) return keep(tensor(posterior, [samples.length, numClasses], { device }));
  const classes = Int32Array.from(samples, ({ label }) => label);
  return keep(tensor(classes, [samples.length], { dtype: 'int64', device }));
}
