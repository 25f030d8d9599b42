import { nn, ops, scope, type Tensor } from '@evenhand/torch';

/** `x / rms(x)`, scaled: root mean square normalization over the last dimension. Zhang & Sennrich, arXiv 1910.07467. */
class RmsNorm extends nn.Module {
  readonly weight: Tensor;

  constructor(
    features: number,
    readonly eps: number,
  ) {
    super();
    this.weight = nn.parameter(ops.ones([features]));
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const scale = ops.rsqrt(ops.addScalar(this.variance(x), this.eps));
      return ops.mul(ops.mul(x, scale), this.weight);
    });
  }

  protected variance(x: Tensor): Tensor {
    return ops.meanDim(ops.mul(x, x), [-1], true);
  }
}

/** `x / std(x)`, scaled; the mean is not subtracted. timm's `SimpleNorm`. */
class SimpleNorm extends RmsNorm {
  protected override variance(x: Tensor): Tensor {
    const centred = ops.sub(x, ops.meanDim(x, [-1], true));
    return ops.divScalar(ops.sumDim(ops.mul(centred, centred), [-1], true), x.shape.at(-1)! - 1);
  }
}

/** timm's names of norms over the channels. */
export const CHANNEL_NORMS: Readonly<Record<string, (features: number, eps: number) => nn.Module>> = {
  layernorm: (features, eps) => new nn.LayerNorm(features, { eps }),
  rmsnorm: (features, eps) => new RmsNorm(features, eps),
  simplenorm: (features, eps) => new SimpleNorm(features, eps),
};

/** A norm over the last dimension, applied to the channels of [N,C,H,W]. In channels-last memory nothing is copied. */
export class MapNorm extends nn.Module {
  constructor(readonly norm: nn.Module) {
    super();
  }

  override members(): Iterable<[string, unknown]> {
    return this.norm.members();
  }

  override forward(x: Tensor): Tensor {
    return scope(() => ops.permute(this.norm.forward(ops.permute(x, [0, 2, 3, 1])), [0, 3, 1, 2]));
  }
}
