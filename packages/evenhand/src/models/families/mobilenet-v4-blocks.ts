// The blocks of MobileNetV4 (Qin et al., arXiv 2404.10518), with timm's keys: timm models/_efficientnet_blocks.py and
// layers/attention2d.py.
import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import { type BlockPlace, Residual } from './mobile-blocks.js';
import { type BlockStyle, ConvNormAct, convolution, LayerScale2d, NormAct } from './mobile-layers.js';
import { makeDivisible } from './rows.js';

/**
 * `uir`: the universal inverted bottleneck. It has a depthwise convolution before the expansion, one after it and one
 * after the projection, each of which may be missing.
 */
export class UniversalInvertedResidual extends Residual {
  readonly dwStart: ConvNormAct | null;
  readonly pwExp: ConvNormAct;
  readonly dwMid: ConvNormAct | null;
  readonly pwProj: ConvNormAct;
  readonly dwEnd: ConvNormAct | null;
  readonly layerScale: LayerScale2d | null;

  constructor(place: BlockPlace) {
    const { block, inputs, outputs, style } = place;
    super(place, block.skip !== false);
    const wide = makeDivisible(inputs * block.expand);
    const { stride, start, kernel, end } = block;
    const depthwise = (channels: number, size: number, strides: boolean, activation: boolean) =>
      size === 0
        ? null
        : new ConvNormAct(channels, channels, size, style, { stride: strides ? stride : 1, groupSize: 1, activation });
    this.dwStart = depthwise(inputs, start, kernel === 0, false);
    this.pwExp = new ConvNormAct(inputs, wide, 1, style);
    this.dwMid = depthwise(wide, kernel, true, true);
    this.pwProj = new ConvNormAct(wide, outputs, 1, style, { activation: false });
    this.dwEnd = depthwise(outputs, end, start === 0 && kernel === 0, false);
    this.layerScale = style.layerScale === null ? null : new LayerScale2d(outputs, style.layerScale);
  }

  protected override branch(x: Tensor): Tensor {
    const layers = [this.dwStart, this.pwExp, this.dwMid, this.pwProj, this.dwEnd, this.layerScale];
    return layers.reduce((y, layer) => (layer === null ? y : layer.forward(y)), x);
  }
}

/** `mqa`: multi-query attention between the pixels. */
export class MobileAttention extends Residual {
  readonly norm: NormAct;
  readonly attn: MultiQueryAttention2d;
  readonly layerScale: LayerScale2d | null;

  constructor(place: BlockPlace) {
    const { block, inputs, outputs, style } = place;
    super(place, block.skip !== false);
    this.norm = new NormAct(inputs, style.norm, 'none');
    this.attn = new MultiQueryAttention2d(place);
    this.layerScale = style.layerScale === null ? null : new LayerScale2d(outputs, style.layerScale);
  }

  protected override branch(x: Tensor): Tensor {
    const y = this.attn.forward(this.norm.forward(x));
    return this.layerScale ? this.layerScale.forward(y) : y;
  }
}

/**
 * Attention whose heads share keys and values (Shazeer, arXiv 1911.02150); these may be of a coarser grid.
 * [N,inputs,H,W] to [N,outputs,H,W].
 */
class MultiQueryAttention2d extends nn.Module {
  readonly query: Projection;
  readonly key: Projection;
  readonly value: Projection;
  readonly output: Projection;
  readonly #headDim: number;

  constructor({ block, inputs, outputs, style }: BlockPlace) {
    super();
    const { heads, headDim, kernel, keyStride } = block;
    this.query = new Projection(inputs, heads * headDim);
    this.key = new Projection(inputs, headDim, { style, kernel, stride: keyStride });
    this.value = new Projection(inputs, headDim, { style, kernel, stride: keyStride });
    this.output = new Projection(heads * headDim, outputs);
    this.#headDim = headDim;
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const [samples, , height, width] = x.shape as [number, number, number, number];
      // the heads share keys and values, so that heads and pixels are one dimension: in channels-last memory, no copies
      const tokens = (map: Tensor) => ops.reshape(ops.permute(map, [0, 2, 3, 1]), [samples, 1, -1, this.#headDim]);
      const attended = nn.attention(
        tokens(this.query.forward(x)),
        tokens(this.key.forward(x)),
        tokens(this.value.forward(x)),
      );
      const map = ops.reshape(attended, [samples, height, width, -1]);
      return this.output.forward(ops.permute(map, [0, 3, 1, 2]));
    });
  }
}

/** A pointwise convolution, after a depthwise one with BatchNorm where it shrinks the map. */
class Projection extends nn.Module {
  readonly downConv: nn.Conv2d | null;
  readonly norm: nn.BatchNorm2d | null;
  readonly proj: nn.Conv2d;

  constructor(inputs: number, outputs: number, shrink?: { style: BlockStyle; kernel: number; stride: number }) {
    super();
    const shrinks = shrink !== undefined && shrink.stride > 1;
    this.downConv = shrinks
      ? convolution(inputs, inputs, shrink.kernel, {
          stride: shrink.stride,
          groupSize: 1,
          padding: shrink.style.padding,
        })
      : null;
    this.norm = shrinks ? new nn.BatchNorm2d(inputs, shrink.style.norm) : null;
    this.proj = convolution(inputs, outputs, 1, { padding: '' });
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const y = this.downConv ? this.norm!.forward(this.downConv.forward(x)) : x;
      return this.proj.forward(y);
    });
  }
}

/** Initialises the convolutions of attention as timm: uniformly by fan-in and fan-out (Glorot & Bengio, 2010). */
export function initialiseAttention(model: nn.Module): void {
  for (const module of nn.modules(model)) {
    if (!(module instanceof Projection)) continue;
    for (const { weight } of [module.downConv, module.proj].filter((layer) => layer !== null)) {
      const [outputs = 0, inputs = 0, height = 0, width = 0] = weight.shape;
      const bound = Math.sqrt(6 / ((inputs + outputs) * height * width));
      nn.init.uniform_(weight, -bound, bound);
    }
  }
}
