import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLoadOptions, DEVICES, type LoadOptions } from './options.js';

test('every device and any number of threads is valid', () => {
  checkLoadOptions({});
  for (const device of DEVICES) for (const threads of [undefined, 1, 64]) checkLoadOptions({ device, threads });
});

test('an invalid option is refused by one sentence', () => {
  const cases: [options: unknown, message: string][] = [
    [{ device: 'gpu' }, 'device: expected auto, cpu, cuda, webgpu, got "gpu".'],
    [{ threads: 0 }, 'threads: expected a whole number of at least 1, got 0.'],
    [{ threads: 1.5 }, 'threads: expected a whole number of at least 1, got 1.5.'],
    [{ threads: Number.NaN }, 'threads: expected a whole number of at least 1, got NaN.'],
  ];
  for (const [options, message] of cases) {
    assert.throws(() => checkLoadOptions(options as LoadOptions), { name: 'TypeError', message });
  }
});
