import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DeferredRead, gpuInfo, peakGpuMemory, Uploader } from './gpu.js';
import * as ops from './ops.js';
import { setCudnnBenchmark, setTf32 } from './runtime.js';
import { liveTensors, scope } from './scope.js';
import { tensor } from './tensor.js';
import { testedDevices } from './testing/golden.js';

for (const device of testedDevices) {
  describe(`reading later on ${device}`, () => {
    test('gives the values of the moment at which it was asked for', () => {
      const live = liveTensors();
      scope(() => {
        const x = tensor([1, 2, 3], { device, requiresGrad: true });
        const doubled = ops.mulScalar(x, 2);
        const later = new DeferredRead(doubled);
        ops.zero_(ops.detach(doubled));
        assert.deepEqual(later.read(), Float32Array.of(2, 4, 6));
        const target = new Float32Array(3);
        assert.equal(new DeferredRead(ops.to(x, { dtype: 'bfloat16' })).read(target), target);
        assert.deepEqual([...target], [1, 2, 3]);
        const unread = new DeferredRead(x);
        unread.dispose();
        assert.throws(() => unread.read(), { code: 'TORCH_DISPOSED' });
      });
      assert.equal(liveTensors(), live);
    });

    test('large arrays arrive whole, although the next one is copied at once', () =>
      scope(() => {
        const images = [1, 2, 3].map((value) => new Uint8Array(1 << 20).fill(value));
        const sums = images.map((bytes) => ops.sum(tensor(bytes, [1 << 20], { device })));
        assert.deepEqual(
          sums.map((sum) => sum.item()),
          images.map((_, i) => (i + 1) * 2 ** 20),
        );
      }));
  });
}

test('facts about GPUs are null for the CPU, and complete for a GPU', () => {
  assert.equal(gpuInfo('cpu'), null);
  assert.equal(peakGpuMemory('cpu'), null);
  const gpu = testedDevices.find((device) => device.startsWith('cuda'));
  if (!gpu) return;
  const { name, capability, memoryMB, driver, cuda } = gpuInfo(gpu)!;
  assert.ok(name && memoryMB! > 100);
  for (const version of [capability, driver, cuda]) assert.match(version!, /^\d+\.\d+/);
});

test('TF32 and the benchmark mode of cuDNN take true or false', () => {
  setTf32(true);
  setTf32(false);
  setCudnnBenchmark(false);
  assert.throws(() => setTf32(1 as never), { code: 'TORCH_BAD_ARGUMENT' });
  assert.throws(() => setCudnnBenchmark('yes' as never), { code: 'TORCH_BAD_ARGUMENT' });
});

for (const device of testedDevices) {
  test(`uploaded arrays may be overwritten at once, on ${device}`, () =>
    scope(() => {
      const uploader = new Uploader(device);
      const bytes = new Uint8Array(1 << 20);
      const sums = [1, 2, 3, 4, 5].map((value) => ops.sum(uploader.upload(bytes.fill(value), [1 << 10, 1 << 10])));
      assert.deepEqual(
        sums.map((sum) => sum.item()),
        [1, 2, 3, 4, 5].map((value) => value * 2 ** 20),
      );
      assert.throws(() => uploader.upload(bytes, [3]), { code: 'TORCH_BAD_ARGUMENT' });
    }));
}
