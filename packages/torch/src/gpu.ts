import type { TypedArray } from './dtype.js';
import { noGrad } from './modes.js';
import { native } from './native.js';
import * as ops from './ops.js';
import { keep, scope } from './scope.js';
import { dtypeOf, type Tensor, tensor } from './tensor.js';

/** What is known of a GPU; what its driver does not say is absent. */
export interface GpuInfo {
  /** Such as `NVIDIA H100 80GB HBM3`. */
  readonly name?: string;
  /** Compute capability, such as `9.0`. */
  readonly capability?: string;
  readonly memoryMB?: number;
  /** Version of the driver, such as `580.159.04`. */
  readonly driver?: string;
  /** Version of the CUDA runtime that libtorch was built with, such as `13.0`. */
  readonly cuda?: string;
}

/** Facts about a CUDA device; null for other devices. */
export function gpuInfo(device: string): GpuInfo | null {
  return device.startsWith('cuda') ? native().gpuInfo(device) : null;
}

/** The most bytes that tensors have taken on a CUDA device at once; null if unknown (before libtorch 2.11) or another device. */
export function peakGpuMemory(device: string): number | null {
  return device.startsWith('cuda') ? native().peakGpuMemory(device) : null;
}

/**
 * Copies arrays to a device. A GPU copies them from page-locked memory, on a stream of its own, while it computes what it was
 * given before; what it is given afterwards waits for the copy.
 */
export class Uploader {
  readonly #stream: object | null;

  constructor(private readonly device: string) {
    this.#stream = native().newStream(device);
  }

  /** A tensor with a copy of `data`, which may be overwritten at once. As `tensor(data, shape, { device })`. */
  upload(data: TypedArray, shape: readonly number[]): Tensor {
    if (!this.#stream) return tensor(data, shape, { device: this.device });
    return native().upload(this.#stream, data, dtypeOf(data), shape) as Tensor;
  }
}

/**
 * A copy of a small tensor on its way to the CPU. A GPU works through a queue that is filled in advance; reading a tensor
 * (`item`, `toArray`) waits until the queue is empty. `read` waits only until the point at which this object was made, so
 * a value can be read one step late while the GPU computes the next step.
 */
export class DeferredRead {
  readonly #copy: Tensor;
  readonly #event: object | null;

  constructor(source: Tensor) {
    const { device } = source;
    const nonBlocking = device.startsWith('cuda');
    // A copy to the CPU that does not block goes to page-locked memory.
    this.#copy = scope(() => noGrad(() => keep(ops.to(source, { device: 'cpu', copy: true, nonBlocking }))));
    this.#event = nonBlocking ? native().recordEvent(device) : null;
  }

  /** The elements in row-major order, in `target` if one is given. May be called once: it frees the copy. */
  read(target?: Float32Array): TypedArray {
    if (this.#event) native().waitForEvent(this.#event);
    const values = target ? this.#copy.toArray(target) : this.#copy.toArray();
    this.dispose();
    return values;
  }

  dispose(): void {
    this.#copy.dispose();
  }
}
