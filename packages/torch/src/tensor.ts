import type { DType, MemoryFormat, TypedArray } from './dtype.js';
import { badArgument } from './errors.js';
import { NativeGenerator, NativeTensor, native, registerClasses } from './native.js';
import { describeValue } from './printable.js';
import { track } from './scope.js';

/** The role of a tensor in its module; see `nn.parameter`, `nn.buffer` and `nn.constant`. */
export type Role = 'parameter' | 'buffer' | 'constant';

/**
 * A libtorch tensor. The garbage collector does not see its memory, which is freed by `dispose()` or at the end of the
 * `scope` in which the tensor was made. Operations are functions in `ops`.
 */
export class Tensor extends NativeTensor {
  /** Set if the tensor belongs to a module. */
  declare role?: Role;

  /** Called by the addon only; otherwise it throws. Use `tensor`, `fromBytes` or an operation. */
  constructor() {
    super();
    track(this);
  }

  /** Sizes, such as `[16, 3, 224, 224]`. */
  get shape(): number[] {
    return native().shape(this);
  }

  /** Distance between neighbouring elements along each dimension, in elements. */
  get strides(): number[] {
    return native().strides(this);
  }

  get dtype(): DType {
    return native().dtype(this);
  }

  /** Such as `cpu`, `cuda:0`, `mps`. */
  get device(): string {
    return native().device(this);
  }

  /** The memory format that operations on this tensor prefer. */
  get memoryFormat(): MemoryFormat {
    return native().memoryFormat(this);
  }

  /** Number of elements. */
  get numel(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  /** Whether `backward` computes a gradient for this tensor. */
  get requiresGrad(): boolean {
    return native().requiresGrad(this);
  }

  set requiresGrad(value: boolean) {
    native().setRequiresGrad(this, value);
  }

  /** The gradient that `backward` has accumulated, with this tensor's shape, or null. A new object each time. */
  get grad(): Tensor | null {
    return native().gradOf(this) as Tensor | null;
  }

  set grad(value: Tensor | null) {
    native().setGrad(this, value);
  }

  /**
   * Adds the gradient of this tensor to the `grad` of every leaf that requires gradients.
   *
   * @param gradient has this tensor's shape; optional for a tensor with one element
   * @throws TorchError when this tensor does not depend on one that requires gradients, or the gradient's shape is wrong
   */
  backward(gradient: Tensor | null = null, { retainGraph = false } = {}): void {
    native().backward(this, gradient, retainGraph);
  }

  /** The value of a tensor with one element. Throws TorchError if there are more. */
  item(): number {
    return native().item(this);
  }

  /**
   * Copies the elements, in row-major order, into a typed array: by default a new one of the matching type (int64 to
   * BigInt64Array, bool to Uint8Array, float16 and bfloat16 to Float32Array). With a `target`, converts them to its type.
   *
   * @throws TorchError when `target` has a different number of elements
   */
  toArray(): TypedArray;
  toArray<T extends TypedArray>(target: T): T;
  toArray(target?: TypedArray): TypedArray {
    const array = target ?? new arrayOf[this.dtype](this.numel);
    return native().copyToArray(this, array, dtypeOf(array));
  }

  /** The bytes of the elements, in row-major order and in this machine's byte order. */
  toBytes(): Uint8Array {
    const { dtype } = this;
    const raw = dtype === 'float16' || dtype === 'bfloat16' ? new Uint16Array(this.numel) : this.toArray();
    if (raw instanceof Uint16Array) native().copyToArray(this, raw, dtype);
    return new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength);
  }

  /** Replaces this tensor's memory by that of `source`. Modules and optimizers that hold this tensor see the change. */
  setData(source: Tensor): this {
    native().setData(this, source);
    return this;
  }

  /** Frees the memory, once no other tensor or graph shares it. May be called twice; any other later use throws. */
  dispose(): void {
    native().dispose(this);
  }

  get disposed(): boolean {
    return native().isDisposed(this);
  }
}

/** An independent source of random numbers, for operations that take a `generator`. */
export class Generator extends NativeGenerator {
  constructor(seed: number | bigint, device = 'cpu') {
    super(device, seed);
  }
}

registerClasses({ Tensor, Generator });

const arrayOf = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Float32Array,
  bfloat16: Float32Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} satisfies Record<DType, unknown>;

/** The type of the elements of a typed array. */
export function dtypeOf(array: TypedArray): DType {
  if (array instanceof Float32Array) return 'float32';
  if (array instanceof Float64Array) return 'float64';
  if (array instanceof BigInt64Array) return 'int64';
  if (array instanceof Int32Array) return 'int32';
  if (array instanceof Int16Array) return 'int16';
  if (array instanceof Int8Array) return 'int8';
  if (array instanceof Uint8Array) return 'uint8';
  throw badArgument(`expected a typed array with an element type of tensors, got ${describe(array)}`);
}

function describe(value: unknown): string {
  return ArrayBuffer.isView(value) ? value.constructor.name : describeValue(value);
}

/** Numbers in nested arrays, one level per dimension. */
export type NestedNumbers = number | readonly NestedNumbers[];

export interface TensorOptions {
  /** Default: the element type of the typed array; float32 for plain numbers. */
  dtype?: DType;
  device?: string;
  requiresGrad?: boolean;
}

/**
 * A tensor with a copy of `data`: a typed array with its `shape`, or plain numbers, nested one level per dimension.
 *
 * @throws TorchError when the number of elements does not match the shape, or nested arrays are ragged
 */
export function tensor(data: TypedArray, shape: readonly number[], options?: TensorOptions): Tensor;
export function tensor(data: NestedNumbers, options?: TensorOptions): Tensor;
export function tensor(
  data: TypedArray | NestedNumbers,
  shapeOrOptions?: readonly number[] | TensorOptions,
  options: TensorOptions = {},
): Tensor {
  if (ArrayBuffer.isView(data)) {
    if (!Array.isArray(shapeOrOptions)) throw badArgument('tensor() of a typed array needs a shape');
    return makeTensor(data, shapeOrOptions, dtypeOf(data), options);
  }
  const shape: number[] = [];
  for (let level: NestedNumbers | undefined = data; Array.isArray(level); level = level[0]) shape.push(level.length);
  const flat = new Float64Array(shape.reduce((product, size) => product * size, 1));
  fill(flat, data, shape, 0, 0);
  return makeTensor(flat, shape, 'float32', (shapeOrOptions as TensorOptions | undefined) ?? {});
}

/**
 * A tensor from the bytes of its elements, row-major and in this machine's byte order. For float16, bfloat16 and bool,
 * which have no typed array, and for weights files.
 *
 * @throws TorchError when the number of bytes does not match the shape
 */
export function fromBytes(bytes: Uint8Array, shape: readonly number[], dtype: DType, device = 'cpu'): Tensor {
  return native().fromArray(bytes, dtype, shape, dtype, device) as Tensor;
}

function makeTensor(data: TypedArray, shape: readonly number[], defaultType: DType, options: TensorOptions): Tensor {
  const { dtype = defaultType, device = 'cpu', requiresGrad = false } = options;
  const result = native().fromArray(data, dtypeOf(data), shape, dtype, device) as Tensor;
  if (requiresGrad) result.requiresGrad = true;
  return result;
}

/** Copies nested numbers to `flat` from `start` on. Returns the index after the last. */
function fill(flat: Float64Array, data: NestedNumbers, shape: readonly number[], depth: number, start: number): number {
  if (depth === shape.length) {
    if (typeof data !== 'number')
      throw badArgument(`tensor(): expected a number at depth ${depth}, got ${describe(data)}`);
    flat[start] = data;
    return start + 1;
  }
  if (!Array.isArray(data) || data.length !== shape[depth]) {
    throw badArgument(`tensor(): ragged arrays: expected ${shape[depth]} items at depth ${depth}`);
  }
  return data.reduce<number>((next, item) => fill(flat, item, shape, depth + 1, next), start);
}
