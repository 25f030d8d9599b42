import { nn, ops, scope, type Tensor, tensor } from '@evenhand/torch';

/**
 * Blurs each channel of [N,C,H,W] with a binomial kernel of 3x3 pixels and takes every second pixel: half the height and
 * width, rounded up. The border is reflected. Zhang, arXiv 1904.11486; timm `layers/blur_pool.py`.
 */
export class BlurPool extends nn.Module {
  readonly filter: Tensor;

  constructor(readonly channels: number) {
    super();
    const kernel = [1, 2, 1, 2, 4, 2, 1, 2, 1].map((count) => count / 16);
    const values = Float32Array.from({ length: 9 * channels }, (_, i) => kernel[i % 9]!);
    this.filter = nn.constant(tensor(values, [channels, 1, 3, 3]));
  }

  override forward(x: Tensor): Tensor {
    return scope(() => ops.conv2d(reflect(reflect(x, 2), 3), this.filter, null, 2, 0, 1, this.channels));
  }
}

/** `x` with one more row or column on both sides, which repeats the one next to the border. */
function reflect(x: Tensor, dim: number): Tensor {
  return ops.cat([ops.narrow(x, dim, 1, 1), x, ops.narrow(x, dim, -2, 1)], dim);
}
