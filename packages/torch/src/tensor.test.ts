import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bytesPerElement, type DType, type TypedArray } from './dtype.js';
import { gradients } from './gradients.js';
import * as ops from './ops.js';
import { liveTensors, scope } from './scope.js';
import { fromBytes, Tensor, tensor } from './tensor.js';
import { assertClose } from './testing/assert-close.js';
import { testedDevices } from './testing/golden.js';

const arrays: [DType, TypedArray][] = [
  ['float32', Float32Array.of(1.5, -2, 3e38)],
  ['float64', Float64Array.of(0.1, -2, 1e300)],
  ['int64', BigInt64Array.of(-1n, 2n ** 62n, 9007199254740993n)],
  ['int32', Int32Array.of(-1, 2 ** 31 - 1, 0)],
  ['int16', Int16Array.of(-1, 2 ** 15 - 1, 0)],
  ['int8', Int8Array.of(-1, 127, 0)],
  ['uint8', Uint8Array.of(1, 255, 0)],
];

for (const device of testedDevices) {
  describe(`tensors on ${device}`, () => {
    for (const [dtype, array] of arrays) {
      test(`${dtype} goes in from its typed array and comes out the same`, () =>
        scope(() => {
          const given = array.slice();
          const made = tensor(given, [3, 1], { device });
          new Uint8Array(given.buffer).fill(0); // the tensor has a copy
          assert.deepEqual([made.dtype, made.shape, made.strides, made.numel], [dtype, [3, 1], [1, 1], 3]);
          assert.deepEqual(made.toArray(), array);
        }));
    }

    test('toArray gives row-major order for any memory layout, converted to the type of the target', () =>
      scope(() => {
        const x = tensor([[1, 2, 3], [4, 5, 6]], { device }); // biome-ignore format: as a matrix
        const turned = ops.transpose(x, 0, 1);
        assert.deepEqual(turned.toArray(), Float32Array.of(1, 4, 2, 5, 3, 6));
        const target = new Int32Array(6);
        assert.equal(turned.toArray(target), target);
        assert.deepEqual(target, Int32Array.of(1, 4, 2, 5, 3, 6));
        assert.deepEqual(ops.select(x, 1, 2).toArray(), Float32Array.of(3, 6));
        assert.throws(() => x.toArray(new Float32Array(5)), /the target has 5 float32 elements, but the shape needs 6/);
      }));

    test('pixels are converted to float32 in one step; 16-bit floats and booleans are made with a dtype', () =>
      scope(() => {
        assertClose(tensor(Uint8Array.of(0, 255), [2], { dtype: 'float32', device }), Float32Array.of(0, 255));
        for (const dtype of ['float16', 'bfloat16'] as const) {
          const half = tensor([1, -0.5, 0.3], { dtype, device });
          assert.equal(half.dtype, dtype);
          const [one, minus, third] = half.toArray();
          assert.deepEqual([one, minus], [1, -0.5]);
          assert.ok(third !== 0.3 && Math.abs(Number(third) - 0.3) < 1e-3);
        }
        assert.deepEqual(tensor([0, 2, -1], { dtype: 'bool', device }).toArray(), Uint8Array.of(0, 1, 1));
      }));

    test('toBytes returns the bytes given to fromBytes, for every type', () =>
      scope(() => {
        for (const dtype of Object.keys(bytesPerElement) as DType[]) {
          const x = tensor([1, 0, 1, 0, 0, 1], { dtype, device });
          const bytes = x.toBytes();
          assert.equal(bytes.length, 6 * bytesPerElement[dtype]);
          const copy = fromBytes(bytes, [2, 3], dtype, device);
          assertClose(copy, ops.reshape(x, [2, 3]), { name: dtype });
          assert.deepEqual(copy.toBytes(), bytes);
        }
      }));

    test('backward adds to grad, gradients does not change it', () =>
      scope(() => {
        const x = tensor([1, 2, 3], { requiresGrad: true, device });
        const unused = tensor([1], { requiresGrad: true, device });
        const square = (): Tensor => ops.sum(ops.mul(x, x));
        assert.equal(x.grad, null);
        assertClose(gradients([square()], [x])[0]!, Float32Array.of(2, 4, 6));
        assert.deepEqual(gradients([square()], [unused]), [null]);
        assert.equal(x.grad, null);
        square().backward();
        square().backward();
        assertClose(x.grad!, Float32Array.of(4, 8, 12));
        x.grad = null;
        ops.mul(x, x).backward(tensor([1, 0, -1], { device }));
        assertClose(x.grad!, Float32Array.of(2, 0, -6));

        const y = square();
        y.backward(null, { retainGraph: true });
        y.backward();
        assertClose(x.grad!, Float32Array.of(6, 8, 6));
        assert.throws(() => y.backward(), { code: 'TORCH_OPERATION_FAILED', message: /second time/ });
      }));
  });
}

test('nested numbers become a float32 tensor with one dimension per level', () =>
  scope(() => {
    assert.deepEqual([tensor(3).shape, tensor(3).item(), tensor([]).shape], [[], 3, [0]]);
    const x = tensor([[[1], [2]], [[3], [4]]]); // biome-ignore format: one row
    assert.deepEqual([x.shape, x.dtype, [...x.toArray()]], [[2, 2, 1], 'float32', [1, 2, 3, 4]]);
    assert.throws(() => tensor([[1, 2], [3]]), /ragged arrays: expected 2 items at depth 1/);
    assert.throws(() => tensor([1, [2]] as never), /expected a number at depth 1/);
    assert.throws(() => tensor(Float32Array.of(1, 2), [3]), /has 2 float32 elements, but the shape needs 3/);
    assert.throws(() => tensor(Float32Array.of(1), [-1]), /negative or too large size/);
    assert.throws(() => tensor(Float32Array.of(1), [2 ** 40, 2 ** 40]), /negative or too large size|shape needs/);
    assert.throws(() => tensor(Float32Array.of(1) as never), /needs a shape/);
    assert.throws(() => fromBytes(Uint8Array.of(1, 2, 3), [1], 'float32'), /shape needs 1/);
  }));

test('the errors of backward and item name the tensor', () =>
  scope(() => {
    const x = tensor([1, 2], { requiresGrad: true });
    assert.throws(() => ops.mul(x, x).backward(), /float32\[2\] with more than one element needs a gradient/);
    assert.throws(() => tensor([1]).backward(), /the tensor float32\[1\] has no gradient/);
    assert.throws(() => x.item(), /item\(\) needs a tensor with one element, got float32\[2\]/);
    assert.throws(() => tensor([1], { dtype: 'int64', requiresGrad: true }), /floating point/);
  }));

test('setData changes the memory of a tensor and makes no new tensor', () =>
  scope(() => {
    const x = tensor([1, 2], { requiresGrad: true });
    const source = tensor([[3, 4, 5]]);
    const live = liveTensors();
    assert.equal(x.setData(source), x);
    assert.equal(liveTensors(), live);
    assert.deepEqual([x.shape, x.requiresGrad], [[1, 3], true]);
    assertClose(x, source);
  }));

test('memoryFormat is contiguous or channelsLast, and dispose may be called twice', () => {
  const x = ops.ones([2, 3, 4, 4]);
  assert.equal(x.memoryFormat, 'contiguous');
  const y = ops.contiguous(x, { memoryFormat: 'channelsLast' });
  assert.deepEqual([y.memoryFormat, y.strides], ['channelsLast', [48, 1, 12, 3]]);
  for (const each of [x, y]) {
    assert.equal(each.disposed, false);
    each.dispose();
    each.dispose();
    assert.equal(each.disposed, true);
  }
  assert.throws(() => new Tensor(), { name: 'TorchError' });
});
