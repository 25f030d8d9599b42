import { bytesPerElement, type DType } from '../dtype.js';

/** A block of memory that one or more tensors of a file share. Tensors share memory if their storages are the same object. */
export class StorageRef {
  constructor(
    readonly key: string,
    readonly dtype: DType,
    /** Number of elements. */
    readonly numel: number,
  ) {}
}

/**
 * The position of a tensor in its file: element `[i, j, ...]` is element
 * `storageOffset + i * strides[0] + j * strides[1] + ...` of the storage. Offset and strides count elements, as in PyTorch.
 */
export class TensorRecord {
  constructor(
    readonly storage: StorageRef,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
    readonly storageOffset: number,
  ) {}

  get dtype(): DType {
    return this.storage.dtype;
  }

  /** Number of elements. */
  get numel(): number {
    return product(this.shape);
  }

  /** Number of bytes of the elements, without gaps. */
  get byteLength(): number {
    return this.numel * bytesPerElement[this.dtype];
  }
}

/** Number of elements of a shape; Infinity if a partial product is too large for an exact number. */
export function product(shape: readonly number[]): number {
  let total = 1;
  for (const length of shape) {
    total *= length;
    if (!Number.isSafeInteger(total)) return Number.POSITIVE_INFINITY;
  }
  return total;
}

/** Strides, in elements, of a row-major tensor without gaps. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = strides[axis + 1]! * Math.max(shape[axis + 1]!, 1);
  }
  return strides;
}

/** Whether a value is an integer from 0 to 2^53 - 1: a length, a count or an offset. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Limits far above real tensors, so that a damaged or hostile file cannot request any amount of memory. */
export const maxAxes = 64;
const maxExpandedElements = 2 ** 20;

/** Why a record cannot be read, in words; undefined if it can. */
export function tensorProblem({
  storage,
  shape,
  strides,
  storageOffset,
  numel,
  dtype,
}: TensorRecord): string | undefined {
  if (shape.length !== strides.length || shape.length > maxAxes) {
    return `a tensor has ${shape.length} dimensions and ${strides.length} strides`;
  }
  const tensor = `a tensor of ${dtype} [${shape.join(', ')}]`;
  if (!isCount(numel * bytesPerElement[dtype])) return `${tensor} is too large`;
  if (numel === 0) return undefined;
  const end = shape.reduce((last, length, axis) => last + (length - 1) * strides[axis]!, storageOffset + 1);
  if (end > storage.numel) return `${tensor} needs ${end} elements of a storage with ${storage.numel}`;
  // A stride of 0 repeats elements: one stored number can claim to be any number of them.
  if (numel > Math.max(storage.numel, maxExpandedElements)) {
    return `${tensor} repeats the elements of a storage with ${storage.numel}`;
  }
  return undefined;
}
