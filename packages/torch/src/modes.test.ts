import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  autocast,
  devices,
  getNumThreads,
  manualSeed,
  noGrad,
  setDeterministic,
  setNumThreads,
  torchVersion,
} from './modes.js';
import * as ops from './ops.js';
import { scope } from './scope.js';
import { type Tensor, tensor } from './tensor.js';
import { assertClose } from './testing/assert-close.js';
import { testedDevices } from './testing/golden.js';

for (const device of testedDevices) {
  describe(`modes on ${device}`, () => {
    test('noGrad records nothing, nests, answers its result, and ends with an error, too', () =>
      scope(() => {
        const x = tensor([2], { requiresGrad: true, device });
        const records = (): boolean => ops.mul(x, x).requiresGrad;
        assert.equal(records(), true);
        assert.deepEqual(noGrad(() => [records(), noGrad(records), records()]), [false, false, false]); // biome-ignore format: a line
        assert.throws(() => noGrad(() => ops.matmul(x, tensor([[1, 2], [3, 4]], { device }))), { name: 'TorchError' }); // biome-ignore format: a line
        assert.equal(records(), true);
      }));

    test('autocast multiplies matrices and convolves in 16 bits, keeps sums in float32, nests and ends', () =>
      scope(() => {
        const weight = tensor([[1, 2], [3, 4]], { requiresGrad: true, device }); // biome-ignore format: as a matrix
        const image = ops.ones([1, 2, 3, 3], { device });
        const filters = ops.ones([4, 2, 1, 1], { device });
        const product = (): Tensor => ops.matmul(weight, weight);
        const type = (): string => product().dtype;
        const found = autocast({ device }, () => ({
          product: product(),
          convolved: ops.conv2d(image, filters).dtype,
          sum: ops.add(image, image).dtype,
          inside: autocast({ device, enabled: false }, type),
          after: type(),
        }));
        assert.deepEqual([found.product.dtype, found.convolved, found.sum], ['bfloat16', 'bfloat16', 'float32']);
        assert.deepEqual([found.inside, found.after], ['float32', 'bfloat16']);
        assert.equal(type(), 'float32');
        ops.sum(ops.to(found.product, { dtype: 'float32' })).backward();
        assert.equal(weight.grad!.dtype, 'float32');
        assertClose(weight.grad!, tensor([[7, 11], [9, 13]])); // biome-ignore format: a line
        assert.throws(() => autocast({ device }, () => ops.reshape(weight, [3])), { name: 'TorchError' });
        assert.equal(type(), 'float32');
      }));

    test('autocast sees a weight that an optimiser changed between two uses', () =>
      scope(() => {
        const weight = tensor([[1, 2], [3, 4]], { requiresGrad: true, device }); // biome-ignore format: as a matrix
        const product = (): Tensor => autocast({ device }, () => ops.matmul(weight, weight));
        product();
        noGrad(() => ops.zero_(weight));
        assertClose(product(), ops.zeros([2, 2], { dtype: 'bfloat16' }));
      }));
  });
}

test('modes refuse work that returns a Promise, and end', () =>
  scope(() => {
    const x = tensor([[2]], { requiresGrad: true });
    const later = async (): Promise<never> => {
      throw new Error('never seen: the misuse is the news');
    };
    assert.throws(() => noGrad(later), { code: 'TORCH_BAD_ARGUMENT', message: /^noGrad\(\) takes a synchronous/ });
    assert.throws(() => autocast({ device: 'cpu' }, later), { message: /^autocast\(\) takes a synchronous/ });
    const y = ops.matmul(x, x);
    assert.deepEqual([y.requiresGrad, y.dtype], [true, 'float32']);
    assert.throws(() => autocast({ device: 'nowhere' }, () => 0), { code: 'TORCH_BAD_ARGUMENT', message: /'cpu' or/ });
  }));

test('seeds may be large; others are refused', () =>
  scope(() => {
    const draw = (seed: number | bigint): Tensor => {
      manualSeed(seed);
      return ops.rand([4]);
    };
    assertClose(draw(2n ** 40n), draw(2 ** 40));
    assert.equal(ops.equal(draw(1), draw(2)), false);
    for (const seed of [-1, 1.5, Number.NaN, 2n ** 64n, '1' as never]) {
      assert.throws(() => manualSeed(seed), { code: 'TORCH_BAD_ARGUMENT', message: /seed/ });
    }
  }));

test('threads are counted and set', () => {
  const before = getNumThreads();
  setNumThreads(1);
  assert.equal(getNumThreads(), 1);
  setNumThreads(before);
  assert.equal(getNumThreads(), before);
  for (const threads of [0, -1, 1.5, 1e9]) assert.throws(() => setNumThreads(threads), { code: 'TORCH_BAD_ARGUMENT' });
});

test("deterministic operation is a switch, devices begin with the cpu, the version is libtorch's", () => {
  setDeterministic(true);
  setDeterministic(false);
  assert.throws(() => setDeterministic(1 as never), { code: 'TORCH_BAD_ARGUMENT' });
  assert.equal(devices()[0], 'cpu');
  assert.match(torchVersion(), /^\d+\.\d+\.\d+/);
});
