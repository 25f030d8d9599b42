import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IMAGENET_MEAN, IMAGENET_STD, validatePreset } from './preset.js';

const good = { resize: 256, crop: 224, interpolation: 'bicubic', mean: [...IMAGENET_MEAN], std: [...IMAGENET_STD] };

test('a preset survives a file', () => {
  assert.deepEqual(validatePreset(JSON.parse(JSON.stringify(good))), good);
});

test('what is no preset is refused in one sentence that names the field', () => {
  const cases: [value: unknown, message: RegExp][] = [
    [null, /^preset: expected an object with resize, crop, .*, got null\.$/],
    [[1, 2], /^preset: expected an object .*, got \[1,2\]\.$/],
    [{ ...good, resize: '256' }, /^preset\.resize: expected a whole number of pixels of at least 1, got "256"\.$/],
    [{ ...good, crop: 0 }, /^preset\.crop: .* got 0\.$/],
    [{ ...good, crop: 300 }, /^preset\.crop: expected at most preset\.resize \(256\), got 300\.$/],
    [{ ...good, interpolation: 'nearest' }, /^preset\.interpolation: expected bilinear or bicubic, got "nearest"\.$/],
    [{ ...good, mean: [0.5, 0.5] }, /^preset\.mean: expected three finite numbers .* got \[0\.5,0\.5\]\.$/],
    [{ ...good, mean: undefined }, /^preset\.mean: .* got nothing\.$/],
    [{ ...good, std: [0.2, 0, 0.2] }, /^preset\.std: expected three numbers above 0, got \[0\.2,0,0\.2\]\.$/],
    [{ ...good, size: 224 }, /^preset\.size: no such field; expected only resize, /],
  ];
  for (const [value, message] of cases) assert.throws(() => validatePreset(value), { name: 'TypeError', message });
});
