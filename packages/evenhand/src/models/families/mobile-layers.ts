// Layers of the networks of mobile blocks, with timm's keys.
import { nn, ops, scope, type Tensor } from '@evenhand/torch';
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
  /** Whether a strided convolution is replaced by one without stride and average pooling after its activation. */
  readonly antialias: boolean;
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
  readonly aa: nn.AvgPool2d | null;

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
    this.aa = antialias(style, stride);
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
  return convolution(inputs, outputs, kernel, { stride: antialias ? 1 : stride, groupSize, padding });
}

/** The pooling after a strided convolution, if the network has it. */
export function antialias(style: BlockStyle, stride: number): nn.AvgPool2d | null {
  return style.antialias && stride > 1 ? new nn.AvgPool2d(stride) : null;
}

/** Squeeze-and-excitation (Hu et al., arXiv 1709.01507) with the keys `conv_reduce` and `conv_expand`. */
export class SqueezeExcite extends nn.Module {
  readonly convReduce: nn.Conv2d;
  readonly convExpand: nn.Conv2d;
  readonly #activate: (x: Tensor) => Tensor;
  readonly #gate: (x: Tensor) => Tensor;

  constructor(channels: number, ratio: number, blockActivation: Act, style: ExcitationStyle) {
    super();
    const squeezed = (style.round ?? roundHalfToEven)(channels * ratio);
    this.convReduce = new nn.Conv2d(channels, squeezed, 1);
    this.convExpand = new nn.Conv2d(squeezed, channels, 1);
    this.#activate = functions[style.activation ?? blockActivation];
    this.#gate = style.gate === 'sigmoid' ? ops.sigmoid : ops.hardsigmoid;
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const squeezed = this.#activate(this.convReduce.forward(ops.adaptiveAvgPool2d(x, 1)));
      return ops.mul(x, this.#gate(this.convExpand.forward(squeezed)));
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
