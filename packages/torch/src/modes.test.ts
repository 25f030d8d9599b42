import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { autocast, noGrad } from './modes.js';
import * as ops from './ops.js';
import { scope } from './scope.js';
import { type Tensor, tensor } from './tensor.js';
import { assertClose } from './testing/assert-close.js';
import { testedDevices } from './testing/golden.js';

for (const device of testedDevices) {
  describe(`modes on ${device}`, () => {
    test('noGrad records nothing, nests, returns the result of its function, and also ends after an error', () =>
      scope(() => {
        const x = tensor([2], { requiresGrad: true, device });
        const records = (): boolean => ops.mul(x, x).requiresGrad;
        assert.equal(records(), true);
        assert.deepEqual(noGrad(() => [records(), noGrad(records), records()]), [false, false, false]); // biome-ignore format: a line
        assert.throws(() => noGrad(() => ops.matmul(x, tensor([[1, 2], [3, 4]], { device }))), { name: 'TorchError' }); // biome-ignore format: a line
        assert.equal(records(), true);
      }));

    test('autocast runs matrix products and convolutions in 16 bits, additions in float32, nests and ends', () =>
      scope(() => {
        const weight = tensor([[1, 2], [3, 4]], { requiresGrad: true, device }); // biome-ignore format: as a matrix
        const image = ops.ones([1, 2, 3, 3], { device });
        const filters = ops.ones([4, 2, 1, 1], { device });
        const product = (): Tensor => ops.matmul(weight, weight);
        const type = (): string => product().dtype;
        const results = autocast({ device }, () => ({
          product: product(),
          convolved: ops.conv2d(image, filters).dtype,
          sum: ops.add(image, image).dtype,
          inside: autocast({ device, enabled: false }, type),
          after: type(),
        }));
        assert.deepEqual([results.product.dtype, results.convolved, results.sum], ['bfloat16', 'bfloat16', 'float32']);
        assert.deepEqual([results.inside, results.after], ['float32', 'bfloat16']);
        assert.equal(type(), 'float32');
        ops.sum(ops.to(results.product, { dtype: 'float32' })).backward();
        assert.equal(weight.grad!.dtype, 'float32');
        assertClose(weight.grad!, tensor([[7, 11], [9, 13]])); // biome-ignore format: a line
        assert.throws(() => autocast({ device }, () => ops.reshape(weight, [3])), { name: 'TorchError' });
        assert.equal(type(), 'float32');
      }));

    test('autocast sees a weight that an optimizer changed between two uses', () =>
      scope(() => {
        const weight = tensor([[1, 2], [3, 4]], { requiresGrad: true, device }); // biome-ignore format: as a matrix
        const product = (): Tensor => autocast({ device }, () => ops.matmul(weight, weight));
        product();
        noGrad(() => ops.zero_(weight));
        assertClose(product(), ops.zeros([2, 2], { dtype: 'bfloat16' }));
      }));
  });
}

test('modes refuse a function that returns a Promise, and end', () =>
  scope(() => {
    const x = tensor([[2]], { requiresGrad: true });
    const asynchronous = async (): Promise<never> => {
      throw new Error('not reported, because the misuse is');
    };
    assert.throws(() => noGrad(asynchronous), {
      code: 'TORCH_BAD_ARGUMENT',
      message: /^noGrad\(\) takes a synchronous/,
    });
    assert.throws(() => autocast({ device: 'cpu' }, asynchronous), { message: /^autocast\(\) takes a synchronous/ });
    const y = ops.matmul(x, x);
    assert.deepEqual([y.requiresGrad, y.dtype], [true, 'float32']);
    assert.throws(() => autocast({ device: 'nowhere' }, () => 0), { code: 'TORCH_BAD_ARGUMENT', message: /'cpu' or/ });
  }));
