import { badArgument } from '../errors.js';
import { noGrad } from '../modes.js';
import { native } from '../native.js';
import { op } from '../op.js';
import * as ops from '../ops.js';
import { keep } from '../scope.js';
import type { Tensor } from '../tensor.js';
import { DistributedGroup, type ProcessGroup } from './process-group.js';

const asStrided = op(
  'aten::as_strided(Tensor(a) self, int[] size, int[] stride, int? storage_offset=None) -> Tensor(a)',
);

const MiB = 2 ** 20;

export interface GradientBucketsOptions {
  /**
   * The most bytes of a bucket; the first holds at most 1 MiB, so that communication begins early. Default: 25 MiB, as in
   * PyTorch, but an eighth of all gradients if that is less (1 MiB at least), since a bucket that holds most of them is complete
   * only when `backward` is over.
   */
  bucketBytes?: number;
}

/**
 * Gradients that are summed over the ranks of a group while `backward` still computes others (Li et al., arXiv 2006.15704). They
 * are views of flat buckets, in the reverse order of the parameters, which is about the order in which they become ready.
 *
 * An update is `zero()`, `backward` for each batch, with `arm()` before the last one, and `finish()`. Optimizers and clipping
 * work on the gradients as usual; `zeroGrad()` of an optimizer is not called.
 */
export class GradientBuckets {
  readonly #group: DistributedGroup;
  readonly #flats: Tensor[] = [];
  readonly #gradients: (readonly [parameter: Tensor, gradient: Tensor])[] = [];
  #handle: object | null;

  /**
   * @param parameters tensors without gaps in memory that require gradients, in the same order on each rank; float32 or float64
   * on a CPU
   * @throws TorchError for another parameter, or a parameter given twice
   */
  constructor(
    group: ProcessGroup,
    parameters: readonly Tensor[],
    { bucketBytes = defaultBytes(parameters) }: GradientBucketsOptions = {},
  ) {
    if (!(group instanceof DistributedGroup)) throw badArgument('GradientBuckets needs a group of initProcessGroup');
    if (!(bucketBytes > 0))
      throw badArgument(`GradientBuckets: bucketBytes must be greater than 0, got ${bucketBytes}`);
    if (new Set(parameters).size !== parameters.length)
      throw badArgument('GradientBuckets: a parameter is given twice');
    this.#group = group;
    const buckets = split(parameters, bucketBytes);
    for (const bucket of buckets) {
      const { dtype, device } = bucket[0]!;
      const flat = keep(ops.zeros([bucket.reduce((sum, { numel }) => sum + numel, 0)], { dtype, device }));
      let start = 0;
      for (const parameter of bucket) {
        // With the parameter's strides, so that channels-last stays.
        this.#gradients.push([parameter, keep(asStrided(flat, parameter.shape, parameter.strides, start))]);
        start += parameter.numel;
      }
      this.#flats.push(flat);
    }
    this.#handle = native().newBuckets(group.handle, this.#flats, buckets);
    this.zero();
  }

  /** Sets all gradients to zero, and makes them those of the buckets. */
  zero(): void {
    for (const flat of this.#flats) noGrad(() => ops.zero_(flat));
    for (const [parameter, gradient] of this.#gradients) parameter.grad = gradient;
  }

  /**
   * The next `backward` is the last of this update: the sum of each bucket is started as soon as it is complete.
   *
   * @throws TorchError if gradients are not those of the buckets, because an optimizer's `zeroGrad()` was called
   */
  arm(): void {
    native().armBuckets(this.#requireHandle());
    this.#group.busy = true;
  }

  /**
   * Waits until the gradients are sums over the ranks. A parameter without a gradient counts as zero.
   *
   * @throws TorchError `distributed` that names the rank because of which it failed
   */
  finish(): void {
    const handle = this.#requireHandle();
    native().launchBuckets(handle);
    this.#group.waitFor('all-reduce of gradients', (milliseconds) => native().waitForBuckets(handle, milliseconds));
    this.#group.busy = false;
  }

  /** Frees the buckets. Parameters then have no gradients. May be called twice. */
  dispose(): void {
    if (!this.#handle) return;
    native().disposeBuckets(this.#handle);
    this.#handle = null;
    for (const [parameter, gradient] of this.#gradients) {
      if (!parameter.disposed) parameter.grad = null;
      gradient.dispose();
    }
    for (const flat of this.#flats) flat.dispose();
  }

  #requireHandle(): object {
    if (!this.#handle) throw badArgument('these GradientBuckets were disposed');
    return this.#handle;
  }
}

const bytesOf = ({ numel, dtype }: Tensor): number => numel * (BYTES[dtype] ?? 4);

const defaultBytes = (parameters: readonly Tensor[]): number =>
  Math.max(MiB, Math.min(25 * MiB, parameters.reduce((sum, each) => sum + bytesOf(each), 0) / 8));

/** Parameters in reverse order, in buckets of one type each. */
function split(parameters: readonly Tensor[], bucketBytes: number): Tensor[][] {
  const buckets: Tensor[][] = [];
  let left = 0;
  let kind = '';
  for (const parameter of [...parameters].reverse()) {
    requireParameter(parameter);
    const { dtype, device } = parameter;
    const bytes = bytesOf(parameter);
    if (`${dtype} ${device}` !== kind || bytes > left) {
      left = buckets.length === 0 ? Math.min(bucketBytes, MiB) : bucketBytes;
      buckets.push([]);
      kind = `${dtype} ${device}`;
    }
    buckets.at(-1)!.push(parameter);
    left -= bytes;
  }
  return buckets;
}

const BYTES: Readonly<Record<string, number>> = { float64: 8, float32: 4, float16: 2, bfloat16: 2 };

function requireParameter(parameter: Tensor): void {
  const { dtype, device, shape, strides, requiresGrad } = parameter;
  const problem = !requiresGrad
    ? 'does not require a gradient'
    : !(dtype in BYTES) || (device === 'cpu' && BYTES[dtype]! < 4)
      ? 'must be float32 or float64'
      : hasGaps(shape, strides)
        ? 'must have no gaps in memory'
        : null;
  if (problem) throw badArgument(`GradientBuckets: the parameter ${dtype}[${shape}] on ${device} ${problem}`);
}

/** Whether elements overlap, or memory between them belongs to none. */
function hasGaps(shape: readonly number[], strides: readonly number[]): boolean {
  const dimensions = shape.map((size, i) => ({ size, stride: strides[i]! })).filter(({ size }) => size !== 1);
  let expected = 1;
  for (const { size, stride } of dimensions.sort((a, b) => a.stride - b.stride)) {
    if (stride !== expected) return true;
    expected *= size;
  }
  return false;
}
