import * as ops from '../ops.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

/** `x Phi(x)`, Phi the normal distribution: Hendrycks & Gimpel, arXiv 1606.08415. `tanh` is their approximation. */
export class GELU extends Module {
  constructor(readonly approximate: 'none' | 'tanh' = 'none') {
    super();
  }

  override forward(x: Tensor): Tensor {
    return ops.gelu(x, { approximate: this.approximate });
  }
}

/** `x sigmoid(1.702 x)`: the approximation of GELU that OpenAI's CLIP uses. */
export class QuickGELU extends Module {
  override forward(x: Tensor): Tensor {
    return ops.mul(x, ops.sigmoid(ops.mulScalar(x, 1.702)));
  }
}
