import * as ops from '../ops.js';
import type { Tensor } from '../tensor.js';
import { biasUniform_, kaimingUniform_ } from './init.js';
import { Module, parameter } from './module.js';

/** `x W^T + b`: `[N,inFeatures]` to `[N,outFeatures]`. PyTorch's `nn.Linear`, with its initialization. */
export class Linear extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    { bias = true }: { bias?: boolean } = {},
  ) {
    super();
    this.weight = parameter(kaimingUniform_(ops.empty([outFeatures, inFeatures])));
    this.bias = bias ? parameter(biasUniform_(ops.empty([outFeatures]), this.weight)) : null;
  }

  override forward(x: Tensor): Tensor {
    return ops.linear(x, this.weight, this.bias);
  }
}
