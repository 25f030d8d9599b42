import { noGrad } from '../modes.js';
import * as ops from '../ops.js';
import type { Tensor } from '../tensor.js';
import type { ActivationName } from './activation.js';
import { buffer, Module, modules, parameter } from './module.js';

export interface BatchNorm2dOptions {
  /** Added to the variance. */
  eps?: number;
  /** The weight of the new batch in the running statistics. */
  momentum?: number;
}

/**
 * Batch normalization of `[N,features,H,W]`: Ioffe & Szegedy, arXiv 1502.03167; PyTorch's `nn.BatchNorm2d`.
 *
 * In training it normalizes with the statistics of the batch and updates the running ones; in evaluation it uses the
 * running ones. With `frozenStatistics` it also uses them in training and does not update them. A frozen backbone needs
 * this: otherwise its statistics would drift to the new data while its weights stay the same.
 */
export class BatchNorm2d extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly runningMean: Tensor;
  readonly runningVar: Tensor;
  readonly numBatchesTracked: Tensor;
  readonly eps: number;
  momentum: number;
  frozenStatistics = false;

  constructor(
    readonly features: number,
    { eps = 1e-5, momentum = 0.1 }: BatchNorm2dOptions = {},
  ) {
    super();
    this.eps = eps;
    this.momentum = momentum;
    this.weight = parameter(ops.ones([features]));
    this.bias = parameter(ops.zeros([features]));
    this.runningMean = buffer(ops.zeros([features]));
    this.runningVar = buffer(ops.ones([features]));
    this.numBatchesTracked = buffer(ops.zeros([], { dtype: 'int64' }));
  }

  /**
   * `[N,features,H,W]` to the same shape.
   *
   * @param activation applied to the result, in the same pass over memory if the kernel supports the input
   */
  override forward(x: Tensor, activation: ActivationName | 'none' = 'none'): Tensor {
    const { weight, bias, runningMean, runningVar, numBatchesTracked, momentum, eps } = this;
    const training = this.training && !this.frozenStatistics;
    if (training) noGrad(() => ops.addScalar_(numBatchesTracked, 1));
    return ops.batchNormAct(x, weight, bias, runningMean, runningVar, training, momentum, eps, activation);
  }
}

/** Sets `frozenStatistics` of every BatchNorm2d in the module. */
export function setFrozenStatistics(module: Module, frozen: boolean): void {
  for (const layer of modules(module)) if (layer instanceof BatchNorm2d) layer.frozenStatistics = frozen;
}
