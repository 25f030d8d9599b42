/** Bytes per element, by element type. The names are PyTorch's (`torch.float32` is `float32`). */
export const bytesPerElement = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
} as const;

/** Element type of a tensor. */
export type DType = keyof typeof bytesPerElement;

/** The typed arrays that tensors can be made from and copied to. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array
  | Uint16Array;

/** Memory layout of an `[N,C,H,W]` tensor. On CPUs convolutions are fastest in `channelsLast`. */
export type MemoryFormat = 'contiguous' | 'channelsLast' | 'preserve';
