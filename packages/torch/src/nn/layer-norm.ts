import * as ops from '../ops.js';
import type { Tensor } from '../tensor.js';
import { Module, parameter } from './module.js';

export interface LayerNormOptions {
  /** Added to the variance. */
  eps?: number;
  /** Whether there is a shift. */
  bias?: boolean;
}

/** Layer normalization over the last dimension, `[...,features]`: Ba et al., arXiv 1607.06450; PyTorch's `nn.LayerNorm`. */
export class LayerNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly eps: number;

  constructor(
    readonly features: number,
    { eps = 1e-5, bias = true }: LayerNormOptions = {},
  ) {
    super();
    this.eps = eps;
    this.weight = parameter(ops.ones([features]));
    this.bias = bias ? parameter(ops.zeros([features])) : null;
  }

  /** The result has the type of the parameters. */
  override forward(x: Tensor): Tensor {
    // Under autocast x may have 16 bits. CUDA then computes in float32; libtorch 1.13 refuses it on the CPU.
    const input = x.dtype === this.weight.dtype ? x : ops.to(x, { dtype: this.weight.dtype });
    return ops.layerNorm(input, [this.features], this.weight, this.bias, this.eps);
  }
}

/**
 * Layer normalization over the channels of `[N,features,H,W]`, for each pixel alone, as in ConvNeXt; timm's
 * `LayerNorm2d`. In channels-last memory nothing is copied.
 */
export class LayerNorm2d extends LayerNorm {
  override forward(x: Tensor): Tensor {
    return ops.permute(super.forward(ops.permute(x, [0, 2, 3, 1])), [0, 3, 1, 2]);
  }
}
