/** Bytes that one element takes, by element type. The names are PyTorch's (`torch.float32` is `float32`). */
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
