import { badArgument } from '../errors.js';
import * as ops from '../ops.js';
import {
  type Batch,
  Optimizer,
  type ParameterGroup,
  type ParameterGroupInput,
  requireAtLeastZero,
} from './optimizer.js';

export interface SGDOptions {
  learningRate?: number;
  momentum?: number;
  /** Nesterov momentum: Sutskever et al., ICML 2013. Needs a momentum greater than 0. */
  nesterov?: boolean;
  /** Added to the gradient (L2), as in PyTorch's SGD. */
  weightDecay?: number;
}

/** Stochastic gradient descent. PyTorch's `SGD(foreach=True)`. */
export class SGD extends Optimizer {
  readonly #momentum: number;
  readonly #nesterov: boolean;

  constructor(
    groups: readonly ParameterGroupInput[],
    { learningRate = 1e-3, momentum = 0, nesterov = false, weightDecay = 0 }: SGDOptions = {},
  ) {
    requireAtLeastZero('momentum', momentum);
    if (nesterov && momentum === 0) throw badArgument('SGD: nesterov needs a momentum greater than 0');
    super(groups, { learningRate, weightDecay }, momentum > 0 ? ['momentum_buffer'] : []);
    this.#momentum = momentum;
    this.#nesterov = nesterov;
  }

  protected override update({ parameters, gradients, moments }: Batch, group: ParameterGroup): void {
    let direction = gradients;
    if (group.weightDecay !== 0) direction = ops.foreachAdd(gradients, parameters, { alpha: group.weightDecay });
    const [velocity] = moments;
    if (velocity) {
      ops.foreachMulScalar_(velocity, this.#momentum);
      ops.foreachAdd_(velocity, direction);
      direction = this.#nesterov ? ops.foreachAdd(direction, velocity, { alpha: this.#momentum }) : velocity;
    }
    ops.foreachAdd_(parameters, direction, { alpha: -group.learningRate });
  }
}
