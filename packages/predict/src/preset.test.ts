import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IMAGENET_MEAN, IMAGENET_STD, validatePreset } from './preset.js';

/** Deep enough to overflow the stack of a recursive function, such as JSON.stringify. */
const nested: unknown = JSON.parse('['.repeat(20_000) + ']'.repeat(20_000));

const good = { resize: 256, crop: 224, interpolation: 'bicubic', mean: [...IMAGENET_MEAN], std: [...IMAGENET_STD] };

test('a preset survives a file', () => {
  for (const preset of [good, { ...good, cropMode: 'squash' }, { ...good, cropMode: 'border' }]) {
    assert.deepEqual(validatePreset(JSON.parse(JSON.stringify(preset))), preset);
  }
});

test('an invalid preset is refused by one sentence with the field', () => {
  const cases: [value: unknown, message: RegExp][] = [
    [null, /^preset: expected an object with resize, crop, .*, got null\.$/],
    [[1, 2], /^preset: expected an object .*, got \[1,2\]\.$/],
    [{ ...good, resize: 1e6 }, /^preset\.resize: .* got 1000000\.$/],
    [{ ...good, mean: nested }, /^preset\.mean: .* got \[…\]\.$/],
    [{ ...good, interpolation: 'x'.repeat(1e7) }, /^preset\.interpolation: .* got "x{60}…"\.$/],
    [{ ...good, 'a\u001b[2J\n\u007f\u202e': 1 }, /^preset\.a\\u001b\[2J\\u000a\\u007f\\u202e: unknown field; /],
    [{ ...good, interpolation: '\u009b2J\u2066' }, /^preset\.interpolation: .* got "\\u009b2J\\u2066"\.$/],
    [{ ...good, resize: '256' }, /^preset\.resize: expected a whole number of pixels from 1 to 10000, got "256"\.$/],
    [{ ...good, crop: 0 }, /^preset\.crop: .* got 0\.$/],
    [{ ...good, crop: 300 }, /^preset\.crop: expected at most preset\.resize \(256\), got 300\.$/],
    [{ ...good, interpolation: 'nearest' }, /^preset\.interpolation: expected bilinear or bicubic, got "nearest"\.$/],
    [{ ...good, mean: [0.5, 0.5] }, /^preset\.mean: expected three finite numbers .* got \[0\.5,0\.5\]\.$/],
    [{ ...good, mean: undefined }, /^preset\.mean: .* got nothing\.$/],
    [{ ...good, std: [0.2, 0, 0.2] }, /^preset\.std: expected three numbers above 0, got \[0\.2,0,0\.2\]\.$/],
    [{ ...good, size: 224 }, /^preset\.size: unknown field; expected only resize, .*, cropMode\.$/],
    [{ ...good, cropMode: 'center' }, /^preset\.cropMode: expected squash or border, or no field .*, got "center"\.$/],
    [{ ...good, cropMode: null }, /^preset\.cropMode: .* got null\.$/],
  ];
  for (const [value, message] of cases) assert.throws(() => validatePreset(value), { name: 'TypeError', message });
});
