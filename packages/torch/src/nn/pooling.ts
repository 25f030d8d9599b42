import * as ops from '../ops.js';
import { torchVersion } from '../runtime.js';
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

/** Whether this libtorch computes wrong gradients of a padded, channels-last average pooling: PyTorch issue 188344. */
export function hasPoolingFault(device: string, version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return device.startsWith('cuda') && (major < 2 || (major === 2 && minor < 14));
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
    const padded = pair(padding, 'padding');
    const pool = (input: Tensor) =>
      ops.avgPool2d(input, pair(this.kernelSize, 'kernelSize'), pair(stride, 'stride'), padded);
    const { device, memoryFormat } = x;
    const isFaulty =
      memoryFormat === 'channelsLast' && Math.max(...padded) > 0 && hasPoolingFault(device, torchVersion());
    return isFaulty ? ops.contiguous(pool(ops.contiguous(x)), { memoryFormat }) : pool(x);
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
