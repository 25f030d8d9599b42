import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tensor } from '../tensor.js';
import { assertClose } from './assert-close.js';

const close = tensor([[1, 2, 3], [4, 5, 6]]); // biome-ignore format: as a matrix

test('tensors within the tolerance pass; NaN equals NaN and infinities equal themselves', () => {
  assertClose(close, tensor([[1, 2, 3.000003], [4, 5, 6]])); // biome-ignore format: as a matrix
  assertClose(tensor([NaN, Infinity, -Infinity]), Float32Array.of(NaN, Infinity, -Infinity));
  assertClose(BigInt64Array.of(2n ** 62n), tensor(BigInt64Array.of(2n ** 62n), [1]));
  assertClose(tensor([1, 2]), Float32Array.of(1.1, 2), { rtol: 0, atol: 0.11 });
});

test('the message shows both sides around the worst element, its index and the difference', () => {
  const wrong = tensor([[1, 2, 3.5], [4, 7, 6]]); // biome-ignore format: as a matrix
  assert.throws(
    () => assertClose(wrong, close, { name: 'weights' }),
    (error: Error) => {
      assert.match(error.message, /^weights: 2 of 6 elements of float32\[2,3\] differ, the worst at \[1,1\] by 2 /);
      assert.match(error.message, /actual: {3}\.\.\. 2 3\.5 4 >7< 6\n/);
      assert.match(error.message, /expected: \.\.\. 2 3 4 >5< 6$/);
      return true;
    },
  );
});

test('a wrong shape, type, NaN, infinity or integer fails', () => {
  const refused: [Parameters<typeof assertClose>, RegExp][] = [
    [[tensor([1, 2]), tensor([[1, 2]])], /shapes differ: actual float32\[2\], expected float32\[1,2\]/],
    [[tensor([1]), Float64Array.of(1)], /element types differ: actual float32\[1\], expected float64\[1\]/],
    [[tensor([NaN]), Float32Array.of(1)], /1 of 1 elements/],
    [[tensor([1]), Float32Array.of(NaN)], /1 of 1 elements/],
    [[tensor([Infinity]), Float32Array.of(-Infinity)], /1 of 1 elements/],
    [[tensor([1]), Float32Array.of(Infinity)], /1 of 1 elements/],
    [[BigInt64Array.of(2n ** 62n), BigInt64Array.of(2n ** 62n + 1n)], /by 1 /],
    [[tensor([1]), Float32Array.of(1.00001), { rtol: 0, atol: 0 }], /1 of 1 elements/],
  ];
  for (const [args, message] of refused) assert.throws(() => assertClose(...args), message);
});
