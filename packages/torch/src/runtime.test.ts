import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import * as ops from './ops.js';
import {
  devices,
  getNumThreads,
  keepFreedMemory,
  manualSeed,
  peakCpuMemory,
  setDeterministic,
  setNumThreads,
  torchVersion,
} from './runtime.js';
import { scope } from './scope.js';
import type { Tensor } from './tensor.js';
import { assertClose } from './testing/assert-close.js';

test('a seed may have up to 64 bits; anything else is refused', () =>
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

test('the number of threads can be set and read', () => {
  const before = getNumThreads();
  setNumThreads(1);
  assert.equal(getNumThreads(), 1);
  setNumThreads(before);
  assert.equal(getNumThreads(), before);
  for (const threads of [0, -1, 1.5, 1e9]) assert.throws(() => setNumThreads(threads), { code: 'TORCH_BAD_ARGUMENT' });
});

test('deterministic algorithms are switched on and off, the first device is cpu, the version has three numbers', () => {
  setDeterministic(true);
  setDeterministic(false);
  assert.throws(() => setDeterministic(1 as never), { code: 'TORCH_BAD_ARGUMENT' });
  assert.equal(devices()[0], 'cpu');
  assert.match(torchVersion(), /^\d+\.\d+\.\d+/);
});

/** By how many MiB a new process has grown after it ran `setup` and then `work`, which makes and frees tensors. */
function growth(setup: string, work = 'scope(() => ops.ones([2 ** 25]).shape);'): number {
  const source = `
    import { keepFreedMemory, ops, scope } from ${JSON.stringify(new URL('./index.js', import.meta.url).href)};
    scope(() => ops.ones([1]).shape);
    ${setup}
    const before = process.memoryUsage.rss();
    ${work}
    console.log((process.memoryUsage.rss() - before) / 2 ** 20);
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' });
  assert.equal(stderr, '');
  return Number(stdout);
}

const isGlibc = 'glibcVersionRuntime' in (process.report.getReport() as { header: object }).header;

// The library once changed the allocator of any process that loaded it.
test('freed memory is returned to the system until keepFreedMemory() is called', {
  skip: isGlibc ? false : 'only glibc has this setting',
}, () => {
  const returned = growth('');
  const kept = growth('if (!keepFreedMemory()) throw new Error("refused");');
  assert.ok(returned < 64 && kept > 100, `grown by ${returned} MiB, and by ${kept} MiB with keepFreedMemory()`);
});

// glibc 2.36 kept pieces of aligned blocks between freed ones, so that these never became whole again: 177 MiB.
test('memory does not grow with the number of tensors of odd sizes', () => {
  const grown = growth('', 'for (let i = 0; i < 40; i++) scope(() => ops.ones([8, 6, 257, 257]).shape);');
  assert.ok(grown < 64, `grown by ${grown} MiB`);
});

test('the peak of memory on the CPU counts tensors that live together, and begins anew when reset', () => {
  const before = peakCpuMemory({ reset: true });
  scope(() => {
    for (let i = 0; i < 3; i++) scope(() => ops.ones([1000]).shape);
    ops.ones([2000]);
    ops.ones([500]);
  });
  assert.equal(peakCpuMemory() - before, 4 * 2500);
  assert.equal(peakCpuMemory({ reset: true }), before);
  assert.throws(() => peakCpuMemory({ reset: 1 as never }), { code: 'TORCH_BAD_ARGUMENT' });
});

test('keepFreedMemory() returns false if the C library has no such setting', {
  skip: isGlibc ? 'glibc has this setting' : false,
}, () => {
  assert.equal(keepFreedMemory(), false);
});
