import * as ops from '../ops.js';
import type { Tensor } from '../tensor.js';
import { type Activation, ReLU, Sigmoid } from './activation.js';
import { BatchNorm2d, type BatchNorm2dOptions } from './batch-norm2d.js';
import { Conv2d } from './conv2d.js';
import { Module } from './module.js';
import { AdaptiveAvgPool2d } from './pooling.js';
import { Sequential } from './sequential.js';

export interface ConvNormActivationOptions {
  kernelSize?: number;
  stride?: number;
  groups?: number;
  norm?: BatchNorm2dOptions;
  /** The activation after the norm; null for none. */
  activation?: Activation | null;
}

/**
 * Convolution without bias, padded so that stride 1 keeps the size; BatchNorm2d; activation. Keys `0.*` and `1.*`, like
 * torchvision's `Conv2dNormActivation`.
 */
export class ConvNormActivation extends Sequential {
  constructor(inChannels: number, outChannels: number, options: ConvNormActivationOptions = {}) {
    const { kernelSize = 3, stride = 1, groups = 1, norm, activation = new ReLU() } = options;
    super(
      new Conv2d(inChannels, outChannels, kernelSize, { stride, padding: (kernelSize - 1) >> 1, groups, bias: false }),
      new BatchNorm2d(outChannels, norm),
      ...(activation ? [activation] : []),
    );
  }
}

/**
 * Squeeze-and-excitation: scales each channel of `[N,C,H,W]` by a gate that is computed from the means of all channels.
 * Hu et al., arXiv 1709.01507; keys `fc1.*`, `fc2.*`, like torchvision's `SqueezeExcitation`.
 */
export class SqueezeExcitation extends Module {
  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly fc1: Conv2d;
  readonly fc2: Conv2d;
  readonly activation: Activation;
  readonly gate: Module;

  constructor(
    inputChannels: number,
    squeezeChannels: number,
    { activation = new ReLU(), gate = new Sigmoid() }: { activation?: Activation; gate?: Module } = {},
  ) {
    super();
    this.fc1 = new Conv2d(inputChannels, squeezeChannels, 1);
    this.fc2 = new Conv2d(squeezeChannels, inputChannels, 1);
    this.activation = activation;
    this.gate = gate;
  }

  override forward(x: Tensor): Tensor {
    const { fc1, fc2, activation, gate } = this;
    // In evaluation by single operations, which an export can translate.
    if (this.training && gate instanceof Sigmoid) {
      return ops.squeezeExcite(x, fc1.weight, fc1.bias!, fc2.weight, fc2.bias!, activation.activation, 'sigmoid');
    }
    const squeezed = this.activation.forward(this.fc1.forward(this.avgpool.forward(x)));
    return ops.mul(x, this.gate.forward(this.fc2.forward(squeezed)));
  }
}
