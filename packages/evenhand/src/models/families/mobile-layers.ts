// Layers of the networks of mobile blocks, with timm's keys.
import { nn, ops, scope, type Tensor, tensor } from '@evenhand/torch';
import { roundHalfToEven } from './rows.js';
import { SameConv2d } from './same-conv.js';

const functions = { silu: ops.silu, relu: ops.relu, relu6: ops.relu6, hardswish: ops.hardswish, gelu: ops.gelu };

/** An activation of these networks. */
export type Act = keyof typeof functions;

/** The activation of a name. */
export function activation(name: Act): (x: Tensor) => Tensor {
  return functions[name];
}

/** What the blocks of one network have in common. */
export interface BlockStyle {
  readonly activation: Act;
  readonly norm: nn.BatchNorm2dOptions;
  /** Padding: `same` as in TensorFlow, `` as in PyTorch. */
  readonly padding: '' | 'same';
  /**
   * What replaces the stride of a convolution, after its activation: average pooling, or a blur with zeros around the map
   * (Zhang, arXiv 1904.11486); null for strides.
   */
  readonly antialias: 'avg' | 'blurpc' | null;
  readonly excitation: ExcitationStyle;
  /** Initial LayerScale of `uir` and `mqa`; null for none. */
  readonly layerScale: number | null;
}

export interface ExcitationStyle {
  readonly gate: 'sigmoid' | 'hardsigmoid';
  /** Default: the block's. */
  readonly activation?: Act;
  /** Makes the squeezed channels a whole number. Default: Python's `round`. */
  readonly round?: (channels: number) => number;
  /** Whether the ratio is one of the block's wide channels, or of its inputs. */
  readonly ofWide: boolean;
}

/** BatchNorm2d followed by an activation. */
export class NormAct extends nn.BatchNorm2d {
  readonly #activation: Act | 'none';

  constructor(features: number, options: nn.BatchNorm2dOptions, activation: Act | 'none') {
    super(features, options);
    this.#activation = activation;
  }

  override forward(x: Tensor): Tensor {
    const activation = this.#activation;
    return activation === 'gelu' ? scope(() => ops.gelu(super.forward(x))) : super.forward(x, activation);
  }
}

export interface ConvOptions {
  readonly stride?: number;
  /** Channels of a group; 0 for one group, 1 for a depthwise convolution. */
  readonly groupSize?: number;
  readonly padding: BlockStyle['padding'];
  readonly bias?: boolean;
}

/** A convolution without bias whose output has ceil(size / stride) pixels. */
export function convolution(
  inputs: number,
  outputs: number,
  kernel: number,
  { stride = 1, groupSize = 0, padding, bias = false }: ConvOptions,
): nn.Conv2d {
  const groups = groupSize === 0 ? 1 : outputs / groupSize;
  return padding === 'same' && stride > 1
    ? new SameConv2d(inputs, outputs, kernel, { stride, groups, bias })
    : new nn.Conv2d(inputs, outputs, kernel, { stride, padding: (kernel - 1) >> 1, groups, bias });
}

/** A convolution with BatchNorm and activation: keys `conv` and `bn`; timm's `ConvNormAct`. */
export class ConvNormAct extends nn.Module {
  readonly conv: nn.Conv2d;
  readonly bn: NormAct;
  readonly aa: nn.Module | null;

  constructor(
    inputs: number,
    outputs: number,
    kernel: number,
    style: BlockStyle,
    { stride = 1, groupSize = 0, activation = true } = {},
  ) {
    super();
    this.conv = strided(inputs, outputs, kernel, style, stride, groupSize);
    this.bn = new NormAct(outputs, style.norm, activation ? style.activation : 'none');
    this.aa = antialias(style, outputs, stride);
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const y = this.bn.forward(this.conv.forward(x));
      return this.aa ? this.aa.forward(y) : y;
    });
  }
}

/** A convolution, without its stride if pooling follows. */
export function strided(
  inputs: number,
  outputs: number,
  kernel: number,
  { antialias, padding }: BlockStyle,
  stride: number,
  groupSize: number,
): nn.Conv2d {
  return convolution(inputs, outputs, kernel, { stride: antialias === null ? stride : 1, groupSize, padding });
}

/** What follows a convolution in place of its stride, if the network has it. */
export function antialias(style: BlockStyle, channels: number, stride: number): nn.Module | null {
  if (style.antialias === null || stride === 1) return null;
  return style.antialias === 'avg' ? new nn.AvgPool2d(stride) : new BlurPool2d(channels, stride);
}

/** Convolution of each channel with a fixed binomial kernel of 3 x 3. */
class BlurPool2d extends nn.Module {
  readonly filter: Tensor;
  readonly #stride: number;

  constructor(channels: number, stride: number) {
    super();
    const line = [0.25, 0.5, 0.25];
    const kernel = line.flatMap((a) => line.map((b) => a * b));
    const kernels = Array.from({ length: channels }, () => kernel).flat();
    this.filter = nn.constant(tensor(Float32Array.from(kernels), [channels, 1, 3, 3]));
    this.#stride = stride;
  }

  override forward(x: Tensor): Tensor {
    return ops.conv2d(x, this.filter, null, this.#stride, 1, 1, this.filter.shape[0]!);
  }
}

/** Squeeze-and-excitation (Hu et al., arXiv 1709.01507) with the keys `conv_reduce` and `conv_expand`. */
export class SqueezeExcite extends nn.Module {
  readonly convReduce: nn.Conv2d;
  readonly convExpand: nn.Conv2d;
  readonly #activation: Act;
  readonly #gate: 'sigmoid' | 'hardsigmoid';

  constructor(channels: number, ratio: number, blockActivation: Act, style: ExcitationStyle) {
    super();
    const squeezed = (style.round ?? roundHalfToEven)(channels * ratio);
    this.convReduce = new nn.Conv2d(channels, squeezed, 1);
    this.convExpand = new nn.Conv2d(squeezed, channels, 1);
    this.#activation = style.activation ?? blockActivation;
    this.#gate = style.gate;
  }

  override forward(x: Tensor): Tensor {
    const { weight: reduce, bias: reduceBias } = this.convReduce;
    const { weight: expand, bias: expandBias } = this.convExpand;
    // In evaluation by single operations, which an export can translate.
    if (this.training) {
      return ops.squeezeExcite(x, reduce, reduceBias!, expand, expandBias!, this.#activation, this.#gate);
    }
    return scope(() => {
      const squeezed = functions[this.#activation](this.convReduce.forward(ops.adaptiveAvgPool2d(x, 1)));
      return ops.mul(x, ops[this.#gate](this.convExpand.forward(squeezed)));
    });
  }
}

/** A learned scale of each channel of [N,C,H,W]: Touvron et al., arXiv 2103.17239. Key `gamma`. */
export class LayerScale2d extends nn.Module {
  readonly gamma: Tensor;

  constructor(channels: number, value: number) {
    super();
    this.gamma = nn.parameter(ops.full([channels], value, { dtype: 'float32' }));
  }

  override forward(x: Tensor): Tensor {
    return ops.mul(x, ops.reshape(this.gamma, [1, -1, 1, 1]));
  }
}
