import assert from 'node:assert/strict';
import type { DType } from '../dtype.js';
import { Tensor, type TypedArray } from '../tensor.js';

/** A tensor as plain values in row-major order. */
export interface Values {
  dtype: DType;
  shape: readonly number[];
  data: ArrayLike<number | bigint>;
}

export interface Tolerance {
  /** Share of the expected value that a difference may have. */
  rtol?: number;
  /** Difference that is allowed whatever the expected value. */
  atol?: number;
  /** What is compared; begins the message. */
  name?: string;
}

/** As `torch.testing.assert_close`; integers must be equal. */
const defaults: Partial<Record<DType, { rtol: number; atol: number }>> = {
  float64: { rtol: 1e-7, atol: 1e-7 },
  float32: { rtol: 1.3e-6, atol: 1e-5 },
  float16: { rtol: 1e-3, atol: 1e-5 },
  bfloat16: { rtol: 1.6e-2, atol: 1e-5 },
};

/**
 * Fails unless shape, element type and every value agree: `|actual - expected| <= atol + rtol |expected|`, NaN equal
 * to NaN. The message shows both sides around the worst element. A typed array counts as one dimension.
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
    const found = difference(a.data[i]!, e.data[i]!);
    const allowed = (atol ?? 0) + (rtol ?? 0) * Math.abs(Number(e.data[i]));
    if (found === 0 || (found <= allowed && Number.isFinite(found))) continue;
    wrong++;
    const excess = Number.isFinite(found) ? found / allowed : Number.POSITIVE_INFINITY;
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
    const at = rest % size;
    rest = Math.floor(rest / size);
    return at;
  });
  return index.reverse();
}

function around(data: ArrayLike<number | bigint>, at: number): string {
  const from = Math.max(0, at - 3);
  const until = Math.min(data.length, at + 4);
  const items = Array.from({ length: until - from }, (_, i) =>
    from + i === at ? `>${data[at]}<` : `${data[from + i]}`,
  );
  return `${from > 0 ? '... ' : ''}${items.join(' ')}${until < data.length ? ' ...' : ''}`;
}
