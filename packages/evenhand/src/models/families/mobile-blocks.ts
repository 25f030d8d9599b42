// The blocks of EfficientNet and MobileNet, with timm's keys: timm models/_efficientnet_blocks.py.
import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import type { BlockString } from './block-strings.js';
import { antialias, type BlockStyle, convolution, NormAct, SqueezeExcite, strided } from './mobile-layers.js';
import { makeDivisible } from './rows.js';

/** A block with its place in the network. */
export interface BlockPlace {
  readonly block: BlockString;
  readonly inputs: number;
  readonly outputs: number;
  readonly style: BlockStyle;
  /** Probability that the residual branch of an image is dropped in training. */
  readonly dropPath: number;
}

/** A block whose input is added to its output where the shapes allow it. */
export abstract class Residual extends nn.Module {
  readonly dropPath: nn.StochasticDepth;
  readonly #skip: boolean;

  constructor({ block, inputs, outputs, dropPath }: BlockPlace, skip: boolean) {
    super();
    this.dropPath = new nn.StochasticDepth(dropPath);
    this.#skip = skip && block.stride === 1 && inputs === outputs;
  }

  /** [N,inputs,H,W] to [N,outputs,H',W'], in memory that nothing else uses. */
  protected abstract branch(x: Tensor): Tensor;

  override forward(x: Tensor): Tensor {
    // the scope frees what neither the next block nor the backward pass needs
    return scope(() => {
      const branch = this.branch(x);
      return this.#skip ? this.add(this.dropPath.forward(branch), x) : branch;
    });
  }

  protected add(branch: Tensor, x: Tensor): Tensor {
    return ops.add_(branch, x);
  }
}

/** Squeeze-and-excitation of `wide` channels, if the block has it. */
function excitation({ block, style }: BlockPlace, wide: number, activation = style.activation): SqueezeExcite | null {
  if (block.se === 0) return null;
  const ratio = style.excitation.ofWide ? block.se : block.se / block.expand;
  return new SqueezeExcite(wide, ratio, activation, style.excitation);
}

/** The style with the block's own activation. */
function styleOf({ block, style }: BlockPlace): BlockStyle {
  return block.activation === null ? style : { ...style, activation: block.activation };
}

/** `cn`: a convolution. */
export class ConvBlock extends Residual {
  readonly conv: nn.Conv2d;
  readonly bn1: NormAct;
  readonly aa: nn.Module | null;

  constructor(place: BlockPlace) {
    const { block, inputs, outputs } = place;
    super(place, block.skip === true);
    const style = styleOf(place);
    this.conv = strided(inputs, outputs, block.kernel, style, block.stride, block.groupSize ?? 0);
    this.bn1 = new NormAct(outputs, style.norm, style.activation);
    this.aa = antialias(style, outputs, block.stride);
  }

  protected override branch(x: Tensor): Tensor {
    const y = this.bn1.forward(this.conv.forward(x));
    return this.aa ? this.aa.forward(y) : y;
  }

  /** Not in place: the backward pass of some activations needs their output. */
  protected override add(branch: Tensor, x: Tensor): Tensor {
    return ops.add(branch, x);
  }
}

/** `ds` and `dsa`: depthwise convolution, excite, project. */
export class DepthwiseSeparable extends Residual {
  readonly convDw: nn.Conv2d;
  readonly bn1: NormAct;
  readonly aa: nn.Module | null;
  readonly se: SqueezeExcite | null;
  readonly convPw: nn.Conv2d;
  readonly bn2: NormAct;

  constructor(place: BlockPlace) {
    const { block, inputs, outputs } = place;
    super(place, block.type === 'ds' && block.skip !== false);
    const style = styleOf(place);
    this.convDw = strided(inputs, inputs, block.kernel, style, block.stride, block.groupSize ?? 1);
    this.bn1 = new NormAct(inputs, style.norm, style.activation);
    this.aa = antialias(style, inputs, block.stride);
    this.se = excitation(place, inputs, style.activation);
    this.convPw = convolution(inputs, outputs, 1, style);
    this.bn2 = new NormAct(outputs, style.norm, block.type === 'dsa' ? style.activation : 'none');
  }

  protected override branch(x: Tensor): Tensor {
    let y = this.bn1.forward(this.convDw.forward(x));
    if (this.aa) y = this.aa.forward(y);
    if (this.se) y = this.se.forward(y);
    return this.bn2.forward(this.convPw.forward(y));
  }
}

/** `ir`: expand, depthwise convolution, excite, project without an activation (Sandler et al., arXiv 1801.04381). */
export class InvertedResidual extends Residual {
  readonly convPw: nn.Conv2d;
  readonly bn1: NormAct;
  readonly convDw: nn.Conv2d;
  readonly bn2: NormAct;
  readonly aa: nn.Module | null;
  readonly se: SqueezeExcite | null;
  readonly convPwl: nn.Conv2d;
  readonly bn3: NormAct;

  constructor(place: BlockPlace) {
    const { block, inputs, outputs } = place;
    super(place, block.skip !== false);
    const style = styleOf(place);
    const wide = makeDivisible(inputs * block.expand);
    this.convPw = convolution(inputs, wide, 1, style);
    this.bn1 = new NormAct(wide, style.norm, style.activation);
    this.convDw = strided(wide, wide, block.kernel, style, block.stride, block.groupSize ?? 1);
    this.bn2 = new NormAct(wide, style.norm, style.activation);
    this.aa = antialias(style, wide, block.stride);
    this.se = excitation(place, wide, style.activation);
    this.convPwl = convolution(wide, outputs, 1, style);
    this.bn3 = new NormAct(outputs, style.norm, 'none');
  }

  protected override branch(x: Tensor): Tensor {
    let y = this.bn2.forward(this.convDw.forward(this.bn1.forward(this.convPw.forward(x))));
    if (this.aa) y = this.aa.forward(y);
    if (this.se) y = this.se.forward(y);
    return this.bn3.forward(this.convPwl.forward(y));
  }
}

/** `er`: expand with a full convolution, excite, project: the fused block of EfficientNetV2 (arXiv 2104.00298). */
export class EdgeResidual extends Residual {
  readonly convExp: nn.Conv2d;
  readonly bn1: NormAct;
  readonly aa: nn.Module | null;
  readonly se: SqueezeExcite | null;
  readonly convPwl: nn.Conv2d;
  readonly bn2: NormAct;

  /** @param counted the channels that the expansion counts with */
  constructor(place: BlockPlace, counted: number) {
    const { block, inputs, outputs } = place;
    super(place, block.skip !== false);
    const style = styleOf(place);
    const wide = makeDivisible(counted * block.expand);
    this.convExp = strided(inputs, wide, block.kernel, style, block.stride, block.groupSize ?? 0);
    this.bn1 = new NormAct(wide, style.norm, style.activation);
    this.aa = antialias(style, wide, block.stride);
    this.se = excitation(place, wide, style.activation);
    this.convPwl = convolution(wide, outputs, 1, style);
    this.bn2 = new NormAct(outputs, style.norm, 'none');
  }

  protected override branch(x: Tensor): Tensor {
    let y = this.bn1.forward(this.convExp.forward(x));
    if (this.aa) y = this.aa.forward(y);
    if (this.se) y = this.se.forward(y);
    return this.bn2.forward(this.convPwl.forward(y));
  }
}
