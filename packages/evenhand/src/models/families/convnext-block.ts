import { isRecording, nn, ops, scope, type Tensor } from '@evenhand/torch';
import type { ConvNeXtArguments } from './convnext-rows.js';

export interface ConvNeXtBlockOptions {
  readonly kernelSize: number;
  readonly norm: nn.Module;
  readonly activation: nn.Module;
  readonly dropPath: number;
}

/**
 * Depthwise convolution, norm, and an MLP over the channels of each pixel, added to the input: [N,C,H,W], channels-last,
 * to the same. The MLP sees one row per pixel, [N*H*W,C], which is how channels-last memory is laid out.
 */
export class ConvNeXtBlock extends nn.Module {
  readonly convDw: nn.Conv2d;
  readonly norm: nn.Module;
  readonly mlp: ConvNeXtMlp;
  readonly gamma: Tensor | null;
  readonly dropPath: nn.StochasticDepth;

  constructor(
    channels: number,
    args: ConvNeXtArguments,
    { kernelSize, norm, activation, dropPath }: ConvNeXtBlockOptions,
  ) {
    super();
    this.convDw = new nn.Conv2d(channels, channels, kernelSize, {
      padding: (kernelSize - 1) >> 1,
      groups: channels,
      bias: args.conv_bias,
    });
    this.norm = norm;
    this.mlp = new ConvNeXtMlp(channels, args, activation);
    this.gamma =
      args.ls_init_value === null ? null : nn.parameter(ops.full([channels], args.ls_init_value, { dtype: 'float32' }));
    this.dropPath = new nn.StochasticDepth(dropPath);
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const [, channels = 0, height = 0, width = 0] = x.shape;
      const pixels = scope(() => {
        const convolved = ops.permute(this.convDw.forward(x), [0, 2, 3, 1]);
        return this.norm.forward(ops.reshape(convolved, [-1, channels]));
      });
      const rows = this.mlp.forward(pixels, height * width, this.gamma);
      const branch = ops.permute(ops.reshape(rows, [-1, height, width, channels]), [0, 3, 1, 2]);
      return ops.add(x, this.dropPath.forward(branch));
    });
  }
}

/** Two linear layers with an activation, and in V2 global response normalization, between them. */
class ConvNeXtMlp extends nn.Module {
  readonly fc1: PixelLinear;
  readonly #activation: nn.Module;
  readonly grn: GlobalResponseNorm | null;
  readonly fc2: PixelLinear;

  constructor(channels: number, { conv_mlp, use_grn }: ConvNeXtArguments, activation: nn.Module) {
    super();
    const hidden = 4 * channels;
    this.fc1 = new PixelLinear(channels, hidden, conv_mlp);
    this.#activation = activation;
    this.grn = use_grn ? new GlobalResponseNorm(hidden) : null;
    this.fc2 = new PixelLinear(hidden, channels, conv_mlp);
  }

  /**
   * @param x [N*pixels,C]
   * @param gamma [C], a factor of the result
   */
  override forward(x: Tensor, pixels = 1, gamma: Tensor | null = null): Tensor {
    const hidden = scope(() => this.#activation.forward(this.fc1.forward(x)));
    return this.fc2.forward(this.grn ? this.grn.forward(hidden, pixels) : hidden, gamma);
  }
}

/** Linear layer whose weight has the shape of a 1 x 1 convolution, [out,in,1,1], if `conv`: [M,in] to [M,out]. */
class PixelLinear extends nn.Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly #shape: readonly [number, number];

  constructor(inputs: number, outputs: number, conv: boolean) {
    super();
    this.#shape = [outputs, inputs];
    this.weight = nn.parameter(ops.zeros(conv ? [outputs, inputs, 1, 1] : [outputs, inputs]));
    this.bias = nn.parameter(ops.zeros([outputs]));
    nn.init.normal_(this.weight, 0, 0.02);
  }

  /** @param gamma [out], a factor of the result: LayerScale (Touvron et al., arXiv 2103.17239) */
  override forward(x: Tensor, gamma: Tensor | null = null): Tensor {
    const weight = ops.reshape(this.weight, [...this.#shape]);
    if (gamma === null) return ops.linear(x, weight, this.bias);
    // whichever is smaller is scaled: the layer's weights or its outputs; in a file the weights
    return isRecording() || x.shape[0]! > this.#shape[1]
      ? ops.linear(x, ops.mul(weight, ops.reshape(gamma, [-1, 1])), ops.mul(this.bias, gamma))
      : ops.mul(ops.linear(x, weight, this.bias), gamma);
  }
}

/**
 * Global response normalization: scales each channel by its norm over the pixels of an image, relative to the mean of
 * all channels. Woo et al., arXiv 2301.00808.
 */
class GlobalResponseNorm extends nn.Module {
  readonly weight: Tensor;
  readonly bias: Tensor;

  constructor(channels: number) {
    super();
    this.weight = nn.parameter(ops.zeros([channels]));
    this.bias = nn.parameter(ops.zeros([channels]));
  }

  /** @param x [N*pixels,C] */
  override forward(x: Tensor, pixels = 1): Tensor {
    const channels = this.weight.shape[0]!;
    const images = ops.reshape(x, [-1, pixels, channels]);
    const norms = ops.vectorNorm(images, 2, [1], true);
    const relative = ops.div(norms, ops.addScalar(ops.meanDim(norms, [-1], true), 1e-6));
    const scale = ops.addScalar(ops.mul(relative, this.weight), 1);
    return ops.reshape(ops.add_(ops.mul(images, scale), this.bias), [-1, channels]);
  }
}
