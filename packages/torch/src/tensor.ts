import type { DType } from './dtype.js';
import { badArgument, TorchError } from './errors.js';
import { NativeGenerator, NativeTensor, native, registerClasses } from './native.js';
import { track } from './scope.js';

/** The typed arrays that tensors are made from and read into. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array
  | Uint16Array;

/** How an `[N,C,H,W]` tensor lies in memory. Convolutions on CPUs are fastest in `channelsLast`. */
export type MemoryFormat = 'contiguous' | 'channelsLast' | 'preserve';

/** What a tensor is to the module that holds it; see `nn.parameter` and `nn.buffer`. */
export type Role = 'parameter' | 'buffer';

/**
 * A handle on a libtorch tensor. The garbage collector cannot see its memory: it is freed when the `scope` in which
 * it was made ends, or by `dispose()`. Operations are functions in `ops`.
 */
export class Tensor extends NativeTensor {
  /** Set on the tensors that a module owns. */
  declare role?: Role;

  /** Called by the addon only; there is no tensor to own otherwise, and it throws. */
  constructor() {
    super();
    track(this);
  }

  /** Sizes, such as `[16, 3, 224, 224]`. */
  get shape(): number[] {
    return native().shape(this);
  }

  /** Steps between neighbours along each dimension, in elements. */
  get strides(): number[] {
    return native().strides(this);
  }

  get dtype(): DType {
    return native().dtype(this);
  }

  /** `cpu`, `cuda:0`, `mps`. */
  get device(): string {
    return native().device(this);
  }

  /** The memory format that operations on this tensor will prefer. */
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

  /** The gradient that `backward` has accumulated, or null. A new handle each time. */
  get grad(): Tensor | null {
    return native().gradOf(this);
  }

  set grad(value: Tensor | null) {
    native().setGrad(this, value);
  }

  /**
   * Adds the gradient of this tensor into the `grad` of every leaf that requires one.
   *
   * @param gradient of this tensor's shape; may be left out for a tensor of one element
   * @throws TorchError when nothing that requires gradients leads here
   */
  backward(gradient: Tensor | null = null, { retainGraph = false } = {}): void {
    native().backward(this, gradient, retainGraph);
  }

  /** The value of a tensor of one element. */
  item(): number {
    return native().item(this);
  }

  /**
   * Copies the elements, in row-major order, into a typed array: a new one of the matching type (int64 to
   * BigInt64Array, bool to Uint8Array, float16 and bfloat16 to Float32Array), or `target`, whose type they are
   * converted to. Strides, type and device are resolved in the same single pass.
   *
   * @throws TorchError when `target` has another number of elements
   */
  toArray(): TypedArray;
  toArray<T extends TypedArray>(target: T): T;
  toArray(target?: TypedArray): TypedArray {
    const array = target ?? new arrayOf[this.dtype](this.numel);
    return native().copyToArray(this, array, dtypeOf(array));
  }

  /** The elements' bytes in row-major order and in this machine's byte order. */
  toBytes(): Uint8Array {
    const { dtype } = this;
    const raw = dtype === 'float16' || dtype === 'bfloat16' ? new Uint16Array(this.numel) : this.toArray();
    if (raw instanceof Uint16Array) native().copyToArray(this, raw, dtype);
    return new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength);
  }

  /** Makes this tensor's memory that of `source`; it keeps its identity, role and place in optimisers. */
  setData(source: Tensor): this {
    native().setData(this, source);
    return this;
  }

  /** Frees the memory (as soon as no other tensor or graph shares it). Twice is fine; any other use is an error. */
  dispose(): void {
    native().dispose(this);
  }

  get disposed(): boolean {
    return native().isDisposed(this);
  }
}

/** A source of random numbers of its own, for operations that take a `generator`. */
export class Generator extends NativeGenerator {
  constructor(seed: number | bigint, device = 'cpu') {
    super(device, seed);
  }
}

registerClasses({ Tensor, Generator, TorchError });

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

function dtypeOf(array: TypedArray): DType {
  if (array instanceof Float32Array) return 'float32';
  if (array instanceof Float64Array) return 'float64';
  if (array instanceof BigInt64Array) return 'int64';
  if (array instanceof Int32Array) return 'int32';
  if (array instanceof Int16Array) return 'int16';
  if (array instanceof Int8Array) return 'int8';
  if (array instanceof Uint8Array) return 'uint8';
  throw badArgument(`expected a typed array of a tensor's type, got ${describe(array)}`);
}

function describe(value: unknown): string {
  return typeof value === 'object' && value !== null ? value.constructor.name : String(value);
}

/** Numbers in nested arrays, as deep as the tensor has dimensions. */
export type NestedNumbers = number | readonly NestedNumbers[];

export interface TensorOptions {
  /** By default the typed array's own; float32 for plain numbers. */
  dtype?: DType;
  device?: string;
  requiresGrad?: boolean;
}

/**
 * A tensor with a copy of `data`: a typed array with its `shape`, or plain numbers, nested as deep as there are
 * dimensions. Conversion and the move to the device happen in the one pass that copies.
 *
 * @throws TorchError when the number of elements is not the shape's, or nested arrays are ragged
 */
export function tensor(data: TypedArray, shape: readonly number[], options?: TensorOptions): Tensor;
export function tensor(data: NestedNumbers, options?: TensorOptions): Tensor;
export function tensor(
  data: TypedArray | NestedNumbers,
  shapeOrOptions?: readonly number[] | TensorOptions,
  options: TensorOptions = {},
): Tensor {
  if (ArrayBuffer.isView(data)) {
    if (!Array.isArray(shapeOrOptions)) throw badArgument('tensor() of a typed array needs its shape');
    return make(data, shapeOrOptions, dtypeOf(data), options);
  }
  const shape: number[] = [];
  for (let level: NestedNumbers | undefined = data; Array.isArray(level); level = level[0]) shape.push(level.length);
  const flat = new Float64Array(shape.reduce((product, size) => product * size, 1));
  fill(flat, data, shape, 0, 0);
  return make(flat, shape, 'float32', (shapeOrOptions as TensorOptions | undefined) ?? {});
}

/**
 * A tensor from the bytes of its elements, row-major and in this machine's byte order: the way in for float16,
 * bfloat16 and bool, and for weight files.
 *
 * @throws TorchError when the number of bytes is not the shape's
 */
export function fromBytes(bytes: Uint8Array, shape: readonly number[], dtype: DType, device = 'cpu'): Tensor {
  return native().fromArray(bytes, dtype, shape, dtype, device);
}

function make(data: TypedArray, shape: readonly number[], dtype: DType, options: TensorOptions): Tensor {
  const wanted = options.dtype ?? dtype;
  const made = native().fromArray(data, dtypeOf(data), shape, wanted, options.device ?? 'cpu');
  if (options.requiresGrad) made.requiresGrad = true;
  return made;
}

function fill(flat: Float64Array, data: NestedNumbers, shape: readonly number[], depth: number, at: number): number {
  if (depth === shape.length) {
    if (typeof data !== 'number')
      throw badArgument(`tensor(): expected a number at depth ${depth}, got ${describe(data)}`);
    flat[at] = data;
    return at + 1;
  }
  if (!Array.isArray(data) || data.length !== shape[depth]) {
    throw badArgument(`tensor(): ragged arrays: expected ${shape[depth]} items at depth ${depth}`);
  }
  return data.reduce<number>((next, item) => fill(flat, item, shape, depth + 1, next), at);
}
