import { badArgument } from '../errors.js';
import * as ops from '../ops.js';
import type { Tensor } from '../tensor.js';

export interface CrossEntropyOptions {
  /** One weight per class, `[K]`. */
  weight?: Tensor | null;
  /** Share of the target, from 0 to 1, that is spread over all classes: Szegedy et al., arXiv 1512.00567. */
  labelSmoothing?: number;
  /** As in PyTorch, `mean` divides by the sum of the targets' weights. */
  reduction?: 'none' | 'mean' | 'sum';
}

const reductions = { none: 0, mean: 1, sum: 2 };

/**
 * Cross-entropy of `logits` `[N,K]` against `target`: int64 class indices `[N]`, or probabilities `[N,K]`.
 * PyTorch's `F.cross_entropy`, which weights the *smoothed* target: with both `weight` and `labelSmoothing`, every sample
 * gets a part of the weight of every rare class (pytorch issue 104776). If that matters, weight the samples instead: use
 * `reduction: 'none'` and multiply by the weight of each sample.
 *
 * @returns a tensor of shape `[]`, or `[N]` for reduction `none`
 * @throws TorchError when shapes or types do not match
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { weight = null, labelSmoothing = 0, reduction = 'mean' } = options;
  const [samples, classes] = logits.shape;
  const shape = target.shape;
  const hard = shape.length === 1 && target.dtype === 'int64';
  const soft = shape.length === 2 && shape[1] === classes && target.dtype === logits.dtype;
  if (logits.shape.length !== 2 || shape[0] !== samples || !(hard || soft)) {
    throw badArgument(
      `crossEntropy: logits must be [N,K] and target int64[N] or probabilities [N,K] of the logits' type, ` +
        `got logits ${logits.dtype}[${logits.shape}], target ${target.dtype}[${shape}]`,
    );
  }
  return ops.crossEntropyLoss(logits, target, weight, reductions[reduction], -100, labelSmoothing);
}
