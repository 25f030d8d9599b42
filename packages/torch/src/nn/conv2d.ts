import * as ops from '../ops.js';
import type { Tensor } from '../tensor.js';
import { biasUniform_, kaimingUniform_ } from './init.js';
import { Module, pair, parameter, type Size2d } from './module.js';

export interface Conv2dOptions {
  stride?: Size2d;
  /** Zero padding on each side, or `same` to keep the size (stride 1 only). */
  padding?: Size2d | 'same';
  dilation?: Size2d;
  /** Number of groups that the channels are split into; `inChannels` gives a depthwise convolution. */
  groups?: number;
  bias?: boolean;
}

/** Convolution: `[N,inChannels,H,W]` to `[N,outChannels,H',W']`. PyTorch's `nn.Conv2d`, with its initialization. */
export class Conv2d extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly stride: [number, number];
  readonly padding: [number, number] | 'same';
  readonly dilation: [number, number];
  readonly groups: number;

  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    readonly kernelSize: Size2d,
    { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true }: Conv2dOptions = {},
  ) {
    super();
    this.stride = pair(stride, 'stride');
    this.padding = padding === 'same' ? 'same' : pair(padding, 'padding');
    this.dilation = pair(dilation, 'dilation');
    this.groups = groups;
    this.weight = parameter(
      kaimingUniform_(ops.empty([outChannels, inChannels / groups, ...pair(kernelSize, 'kernelSize')])),
    );
    this.bias = bias ? parameter(biasUniform_(ops.empty([outChannels]), this.weight)) : null;
  }

  override forward(x: Tensor): Tensor {
    const { weight, bias, stride, padding, dilation, groups } = this;
    if (padding === 'same') return ops.conv2dPadded(x, weight, bias, stride, padding, dilation, groups);
    return this.convolve(x, padding);
  }

  /** The convolution with this zero padding on each side. */
  protected convolve(x: Tensor, padding: Size2d): Tensor {
    const { weight, bias, stride, dilation, groups } = this;
    const depthwise = groups > 1 && groups === this.inChannels && groups === this.outChannels;
    return depthwise && dilation[0] === 1 && dilation[1] === 1
      ? ops.depthwiseConv2d(x, weight, bias, stride, padding)
      : ops.conv2d(x, weight, bias, stride, padding, dilation, groups);
  }
}
