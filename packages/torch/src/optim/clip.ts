import { badArgument } from '../errors.js';
import { noGrad } from '../modes.js';
import * as ops from '../ops.js';
import { scope } from '../scope.js';
import type { Tensor } from '../tensor.js';

/**
 * Scales all gradients by one factor, so that the Euclidean norm of all of them together is at most `maxNorm`.
 * PyTorch's `clip_grad_norm_`; Pascanu et al., arXiv 1211.5063.
 *
 * @returns the norm before scaling; if it is not finite, the gradients are not changed, and the caller must decide
 */
export function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): number {
  if (!(maxNorm > 0)) throw badArgument(`clipGradNorm: maxNorm must be greater than 0, got ${maxNorm}`);
  return scope(() =>
    noGrad(() => {
      const gradients = [...parameters].map((parameter) => parameter.grad).filter((gradient) => gradient !== null);
      if (gradients.length === 0) return 0;
      const norm = ops.vectorNorm(ops.stack(ops.foreachNorm(gradients))).item();
      const factor = maxNorm / (norm + 1e-6);
      if (Number.isFinite(norm) && factor < 1) ops.foreachMulScalar_(gradients, factor);
      return norm;
    }),
  );
}
