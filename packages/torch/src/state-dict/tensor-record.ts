import { bytesPerElement, type DType } from '../dtype.js';

/** Memory that one or more tensors of a file view. Two tensors share memory if their storages are the same object. */
export class StorageRef {
  constructor(
    readonly key: string,
    readonly dtype: DType,
    /** Number of elements. */
    readonly numel: number,
  ) {}
}

/**
 * Where a tensor lies in its file: element `[i, j, ...]` is element `storageOffset + i * strides[0] + j * strides[1] + ...`
 * of the storage. Offset and strides are in elements, as in PyTorch.
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

  /** Bytes that the elements take, row-major without gaps. */
  get byteLength(): number {
    return this.numel * bytesPerElement[this.dtype];
  }
}

/** Number of elements of a shape; Infinity if it is, even on the way, beyond what a number holds exactly. */
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

/** True for an integer that is exact in a JavaScript number and not negative: a length, a count or an offset. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Limits that no real tensor comes near, so that a damaged or hostile file cannot ask for any amount of memory. */
const maxAxes = 64;
const maxExpandedElements = 2 ** 20;

/** What makes a record unreadable, in words; undefined if it is sound. */
export function tensorProblem({
  storage,
  shape,
  strides,
  storageOffset,
  numel,
  dtype,
}: TensorRecord): string | undefined {
  if (shape.length !== strides.length || shape.length > maxAxes) {
    return `a tensor has ${shape.length} lengths and ${strides.length} strides`;
  }
  const tensor = `a tensor of ${dtype} [${shape.join(', ')}]`;
  if (!isCount(numel * bytesPerElement[dtype])) return `${tensor} is absurdly large`;
  if (numel === 0) return undefined;
  const end = shape.reduce((last, length, axis) => last + (length - 1) * strides[axis]!, storageOffset + 1);
  if (end > storage.numel) return `${tensor} needs ${end} elements of a storage that has ${storage.numel}`;
  // A stride of 0 repeats elements: one stored number can claim to be any number of them.
  if (numel > Math.max(storage.numel, maxExpandedElements)) {
    return `${tensor} repeats the elements of a storage that has ${storage.numel}`;
  }
  return undefined;
}
