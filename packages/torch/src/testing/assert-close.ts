import assert from 'node:assert/strict';
import type { DType, TypedArray } from '../dtype.js';
import { Tensor } from '../tensor.js';

/** A tensor as plain values in row-major order. */
export interface Values {
  dtype: DType;
  shape: readonly number[];
  data: ArrayLike<number | bigint>;
}

export interface Tolerance {
  /** Allowed difference, relative to the expected value. */
  rtol?: number;
  /** Allowed absolute difference, added to the relative one. */
  atol?: number;
  /** What is compared; the message begins with it. */
  name?: string;
}

/** The tolerances of `torch.testing.assert_close`; integers must be equal. */
const defaults: Partial<Record<DType, { rtol: number; atol: number }>> = {
  float64: { rtol: 1e-7, atol: 1e-7 },
  float32: { rtol: 1.3e-6, atol: 1e-5 },
  float16: { rtol: 1e-3, atol: 1e-5 },
  bfloat16: { rtol: 1.6e-2, atol: 1e-5 },
};

/**
 * Fails unless shapes, element types and all values agree: `|actual - expected| <= atol + rtol |expected|`; NaN equals
 * NaN. The message shows both sides around the worst element. A typed array is a tensor with one dimension.
 */
export function assertClose(
  actual: Tensor | TypedArray,
  expected: Tensor | TypedArray | Values,
  options?: Tolerance,
): void {
  const [a, e] = [valuesOf(actual), valuesOf(expected)];
  const { name = 'the tensors', rtol, atol } = { ...defaults[e.dtype], ...options };
  const sides = `actual ${a.dtype}[${a.shape}], expected ${e.dtype}[${e.shape}]`;
  if (a.dtype !== e.dtype) assert.fail(`${name}: the element types differ: ${sides}`);
  if (String(a.shape) !== String(e.shape)) assert.fail(`${name}: the shapes differ: ${sides}`);
  let [worst, worstExcess, wrong] = [-1, 0, 0];
  for (let i = 0; i < e.data.length; i++) {
    const distance = difference(a.data[i]!, e.data[i]!);
    const allowed = (atol ?? 0) + (rtol ?? 0) * Math.abs(Number(e.data[i]));
    if (distance === 0 || (distance <= allowed && Number.isFinite(distance))) continue;
    wrong++;
    const excess = Number.isFinite(distance) ? distance / allowed : Number.POSITIVE_INFINITY;
    if (excess > worstExcess || worst < 0) [worst, worstExcess] = [i, excess];
  }
  if (wrong === 0) return;
  assert.fail(
    [
      `${name}: ${wrong} of ${e.data.length} elements of ${e.dtype}[${e.shape}] differ, the worst at ` +
        `[${position(worst, e.shape)}] by ${difference(a.data[worst]!, e.data[worst]!)} (rtol ${rtol ?? 0}, atol ${atol ?? 0})`,
      `  actual:   ${around(a.data, worst)}`,
      `  expected: ${around(e.data, worst)}`,
    ].join('\n'),
  );
}

function valuesOf(side: Tensor | TypedArray | Values): Values {
  if (side instanceof Tensor) return { dtype: side.dtype, shape: side.shape, data: side.toArray() };
  if (!ArrayBuffer.isView(side)) return side;
  const name = side.constructor.name.replace('Array', '').replace('Big', '').toLowerCase();
  return { dtype: name as DType, shape: [side.length], data: side };
}

function difference(actual: number | bigint, expected: number | bigint): number {
  if (actual === expected || (Number.isNaN(actual) && Number.isNaN(expected))) return 0;
  if (typeof actual === 'bigint' && typeof expected === 'bigint') return Math.abs(Number(actual - expected));
  const size = Math.abs(Number(actual) - Number(expected));
  return Number.isNaN(size) ? Number.POSITIVE_INFINITY : size;
}

function position(flat: number, shape: readonly number[]): number[] {
  let rest = flat;
  const index = shape.toReversed().map((size) => {
    const coordinate = rest % size;
    rest = Math.floor(rest / size);
    return coordinate;
  });
  return index.reverse();
}

/** The elements around `index`, with that one marked. */
function around(data: ArrayLike<number | bigint>, index: number): string {
  const start = Math.max(0, index - 3);
  const end = Math.min(data.length, index + 4);
  const items = Array.from({ length: end - start }, (_, i) =>
    start + i === index ? `>${data[index]}<` : `${data[start + i]}`,
  );
  return `${start > 0 ? '... ' : ''}${items.join(' ')}${end < data.length ? ' ...' : ''}`;
}
