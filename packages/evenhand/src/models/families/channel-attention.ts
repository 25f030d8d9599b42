import { nn, ops, scope, type Tensor } from '@evenhand/torch';

/** How a block weighs its channels: squeeze-and-excitation, efficient channel attention, or not at all. */
export interface ChannelAttentionArguments {
  readonly attn_layer?: 'se' | 'eca' | null;
  /** Channels of the squeeze as a share of the block's. Default: 1/16. */
  readonly rd_ratio?: number;
}

/** The layer of these arguments for `channels` channels, null for none. */
export function channelAttention(
  channels: number,
  { attn_layer = null, rd_ratio = 1 / 16 }: ChannelAttentionArguments,
): nn.Module | null {
  if (attn_layer === null) return null;
  if (attn_layer === 'eca') return new EfficientChannelAttention(channels);
  const squeezed = Math.max(8, Math.floor((channels * rd_ratio + 4) / 8) * 8);
  return new nn.SqueezeExcitation(channels, squeezed);
}

/**
 * Efficient channel attention: scales each channel of [N,C,H,W] by a gate that is computed from the means of the channels
 * next to it. Wang et al., arXiv 1910.03151; timm `layers/eca.py`.
 */
class EfficientChannelAttention extends nn.Module {
  readonly conv: Kernel;

  constructor(channels: number) {
    super();
    const size = Math.floor((Math.log2(channels) + 1) / 2);
    this.conv = new Kernel(Math.max(size % 2 === 1 ? size : size + 1, 3));
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const means = ops.reshape(ops.adaptiveAvgPool2d(x, 1), [-1, 1, 1, x.shape[1]!]);
      return ops.mul(x, ops.reshape(ops.sigmoid(this.conv.forward(means)), [-1, x.shape[1]!, 1, 1]));
    });
  }
}

/** A convolution over the last dimension of [N,1,1,C], with a weight of three dimensions, as PyTorch's `nn.Conv1d`. */
class Kernel extends nn.Module {
  readonly weight: Tensor;

  constructor(readonly size: number) {
    super();
    this.weight = nn.parameter(nn.init.kaimingUniform_(ops.empty([1, 1, size])));
  }

  override forward(x: Tensor): Tensor {
    return ops.conv2d(x, ops.unsqueeze(this.weight, 2), null, 1, [0, (this.size - 1) / 2]);
  }
}
