import { badArgument } from '../errors.js';
import * as ops from '../ops.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

function checkProbability(p: number, name: string): number {
  if (!(p >= 0 && p <= 1)) throw badArgument(`${name}: the probability must be between 0 and 1, got ${p}`);
  return p;
}

/** In training, sets each element to zero with probability `p` and scales the others by 1 / (1 - p). PyTorch's `nn.Dropout`. */
export class Dropout extends Module {
  readonly p: number;

  constructor(p = 0.5) {
    super();
    this.p = checkProbability(p, 'Dropout');
  }

  override forward(x: Tensor): Tensor {
    return this.training && this.p > 0 ? ops.dropout(x, this.p, true) : x;
  }
}

/**
 * In training, drops a residual branch: of `[N,...]`, each whole sample becomes zero with probability `p`, and the others
 * are scaled by 1 / (1 - p). Huang et al., arXiv 1603.09382; torchvision's `StochasticDepth(p, 'row')`.
 */
export class StochasticDepth extends Module {
  readonly p: number;

  constructor(p: number) {
    super();
    this.p = checkProbability(p, 'StochasticDepth');
  }

  override forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    const [samples = 0, ...rest] = x.shape;
    const survives = ops.empty([samples, ...rest.map(() => 1)], { dtype: x.dtype, device: x.device });
    ops.bernoulli_(survives, 1 - this.p);
    return ops.mul(x, this.p < 1 ? ops.divScalar(survives, 1 - this.p) : survives);
  }
}
