import { hardswish, relu, relu6, sigmoid, silu } from '../ops.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

const functions = { silu, relu, relu6, hardswish, sigmoid };

/** The activations that BatchNorm2d can apply in the same pass over memory. */
export type ActivationName = keyof typeof functions;

/** An activation function, applied to each element: any shape to the same shape. */
export abstract class Activation extends Module {
  abstract readonly activation: ActivationName;

  override forward(x: Tensor): Tensor {
    return functions[this.activation](x);
  }
}

/** `x sigmoid(x)`, also called Swish: Elfwing et al., arXiv 1702.03118. */
export class SiLU extends Activation {
  readonly activation = 'silu';
}

/** `max(x, 0)` */
export class ReLU extends Activation {
  readonly activation = 'relu';
}

/** `min(max(x, 0), 6)` */
export class ReLU6 extends Activation {
  readonly activation = 'relu6';
}

/** `x min(max(x + 3, 0), 6) / 6`: Howard et al., arXiv 1905.02244. */
export class Hardswish extends Activation {
  readonly activation = 'hardswish';
}

/** `1 / (1 + exp(-x))` */
export class Sigmoid extends Activation {
  readonly activation = 'sigmoid';
}
