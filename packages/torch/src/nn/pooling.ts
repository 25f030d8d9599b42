import * as ops from '../ops.js';
import type { Tensor } from '../tensor.js';
import { Module, pair, type Size2d } from './module.js';

/** Average pooling to a given output size: `[N,C,H,W]` to `[N,C,size,size]`. */
export class AdaptiveAvgPool2d extends Module {
  constructor(readonly size: Size2d) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return ops.adaptiveAvgPool2d(x, pair(this.size, 'size'));
  }
}

export interface PoolOptions {
  /** Default: the kernel size. */
  stride?: Size2d;
  padding?: Size2d;
}

/** Average pooling: `[N,C,H,W]` to `[N,C,H',W']`. */
export class AvgPool2d extends Module {
  constructor(
    readonly kernelSize: Size2d,
    readonly options: PoolOptions = {},
  ) {
    super();
  }

  override forward(x: Tensor): Tensor {
    const { stride = this.kernelSize, padding = 0 } = this.options;
    return ops.avgPool2d(x, pair(this.kernelSize, 'kernelSize'), pair(stride, 'stride'), pair(padding, 'padding'));
  }
}

/** Max pooling: `[N,C,H,W]` to `[N,C,H',W']`. */
export class MaxPool2d extends Module {
  constructor(
    readonly kernelSize: Size2d,
    readonly options: PoolOptions = {},
  ) {
    super();
  }

  override forward(x: Tensor): Tensor {
    const { stride = this.kernelSize, padding = 0 } = this.options;
    return ops.maxPool2d(x, pair(this.kernelSize, 'kernelSize'), pair(stride, 'stride'), pair(padding, 'padding'));
  }
}

/** Flattens all dimensions after the first: `[N,C,H,W]` to `[N,C*H*W]`. */
export class Flatten extends Module {
  override forward(x: Tensor): Tensor {
    return ops.flatten(x, 1);
  }
}
