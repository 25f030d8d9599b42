import { noGrad } from '../modes.js';
import * as ops from '../ops.js';
import type { Tensor } from '../tensor.js';
import type { ActivationName } from './activation.js';
import { buffer, Module, modules, parameter } from './module.js';

export interface BatchNorm2dOptions {
  /** Added to the variance. */
  eps?: number;
  /** Weight of the new batch in the running statistics. */
  momentum?: number;
}

/**
 * Batch normalisation over `[N,features,H,W]`: Ioffe & Szegedy, arXiv 1502.03167; PyTorch's `nn.BatchNorm2d`.
 *
 * In training it normalises by the batch's statistics and updates the running ones, in evaluation it uses the running
 * ones. With `frozenStatistics` it uses them in training too and leaves them as they are: what a frozen backbone
 * needs, for otherwise its statistics drift to the new data while its weights stay.
 */
export class BatchNorm2d extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly runningMean: Tensor;
  readonly runningVar: Tensor;
  readonly numBatchesTracked: Tensor;
  readonly eps: number;
  readonly momentum: number;
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

  /** @param activation applied to the result, in the same pass over memory where the kernel allows */
  override forward(x: Tensor, activation: ActivationName | 'none' = 'none'): Tensor {
    const { weight, bias, runningMean, runningVar, numBatchesTracked, momentum, eps } = this;
    const training = this.training && !this.frozenStatistics;
    if (training) noGrad(() => ops.addScalar_(numBatchesTracked, 1));
    return ops.batchNormAct(x, weight, bias, runningMean, runningVar, training, momentum, eps, activation);
  }
}

/** Sets `frozenStatistics` of every BatchNorm2d in the module. */
export function setFrozenStatistics(module: Module, frozen: boolean): void {
  for (const each of modules(module)) if (each instanceof BatchNorm2d) each.frozenStatistics = frozen;
}
