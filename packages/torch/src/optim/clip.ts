import { badArgument } from '../errors.js';
import { noGrad } from '../modes.js';
import * as ops from '../ops.js';
import { scope } from '../scope.js';
import type { Tensor } from '../tensor.js';

/** The Euclidean norm of all gradients together. PyTorch's `get_total_norm`. */
export function gradNorm(parameters: Iterable<Tensor>): number {
  return scope(() => noGrad(() => normOf(gradientsOf(parameters))));
}

/**
 * Scales all gradients by one factor so that their Euclidean norm together is at most `maxNorm`.
 * PyTorch's `clip_grad_norm_`; Pascanu et al., arXiv 1211.5063.
 *
 * @returns the norm before clipping; if it is not finite, the gradients are left as they are
 */
export function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): number {
  if (!(maxNorm > 0)) throw badArgument(`clipGradNorm: maxNorm must be greater than 0, got ${maxNorm}`);
  return scope(() =>
    noGrad(() => {
      const gradients = gradientsOf(parameters);
      const norm = normOf(gradients);
      const factor = maxNorm / (norm + 1e-6);
      if (Number.isFinite(norm) && factor < 1) ops.foreachMulScalar_(gradients, factor);
      return norm;
    }),
  );
}

const gradientsOf = (parameters: Iterable<Tensor>): Tensor[] =>
  [...parameters].map((parameter) => parameter.grad).filter((gradient) => gradient !== null);

const normOf = (gradients: Tensor[]): number =>
  gradients.length === 0 ? 0 : ops.vectorNorm(ops.stack(ops.foreachNorm(gradients))).item();
