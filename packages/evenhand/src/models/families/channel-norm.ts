import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import { RmsNorm } from './transformer.js';

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
