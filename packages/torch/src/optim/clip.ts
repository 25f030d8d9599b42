import { badArgument } from '../errors.js';
import { noGrad } from '../modes.js';
import { isAvailable, op } from '../op.js';
import * as ops from '../ops.js';
import { scope } from '../scope.js';
import type { Tensor } from '../tensor.js';

/** Since libtorch 2.1: one kernel for all tensors. */
const foreachMulTensor_ = op('aten::_foreach_mul_.Tensor(Tensor(a!)[] self, Tensor other) -> ()');

/** The Euclidean norm of all gradients together, a scalar tensor on their device. PyTorch's `get_total_norm`. */
export function gradNorm(parameters: Iterable<Tensor>): Tensor {
  return scope(() => noGrad(() => normOf(gradientsOf(parameters))));
}

/**
 * Scales all gradients by one factor so that their Euclidean norm together is at most `maxNorm`. Nothing is read from the
 * device. PyTorch's `clip_grad_norm_`; Pascanu et al., arXiv 1211.5063.
 *
 * @returns the norm before clipping, a scalar tensor on the device; if it is not finite, the gradients are left as they are
 */
export function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): Tensor {
  if (!(maxNorm > 0)) throw badArgument(`clipGradNorm: maxNorm must be greater than 0, got ${maxNorm}`);
  return scope(() =>
    noGrad(() => {
      const gradients = gradientsOf(parameters);
      const norm = normOf(gradients);
      if (gradients.length > 0) scaleAll(gradients, clipFactor(norm, maxNorm));
      return norm;
    }),
  );
}

/** min(1, maxNorm / (norm + 1e-6)); 1 if the norm is not finite. */
function clipFactor(norm: Tensor, maxNorm: number): Tensor {
  const { device, dtype } = norm;
  // Only Apple's GPUs have no float64.
  const precise = device.startsWith('mps') ? dtype : 'float64';
  const limit = ops.full([], maxNorm, { dtype: precise, device });
  const ratio = ops.div(limit, ops.addScalar(ops.to(norm, { dtype: precise }), 1e-6));
  const factor = ops.where(ops.isfinite(norm), ops.clamp(ratio, null, 1), ops.onesLike(ratio));
  return ops.to(factor, { dtype });
}

function scaleAll(tensors: Tensor[], factor: Tensor): void {
  if (isAvailable(foreachMulTensor_)) foreachMulTensor_(tensors, factor);
  else
    ops.foreachMul_(
      tensors,
      tensors.map(() => factor),
    );
}

const gradientsOf = (parameters: Iterable<Tensor>): Tensor[] =>
  [...parameters].map((parameter) => parameter.grad).filter((gradient) => gradient !== null);

const normOf = (gradients: Tensor[]): Tensor =>
  gradients.length === 0 ? ops.zeros([]) : ops.vectorNorm(ops.stack(ops.foreachNorm(gradients)));
