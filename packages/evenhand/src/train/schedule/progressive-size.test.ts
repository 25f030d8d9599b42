import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ConfigLayer, resolveConfig } from '../config/resolve.js';
import { imageSizeAt } from './progressive-size.js';

const config = (values: ConfigLayer['values'] = {}) => resolveConfig('competition', [{ source: 'test', values }]);

describe('imageSizeAt', () => {
  const sizes = (startSize: number, size: number, epochs: number) =>
    Array.from({ length: epochs }, (_, epoch) => imageSizeAt(config({ startSize, epochs }), size, epoch));

  test('grows from the first size to the last by half of the epochs', () => {
    assert.deepEqual(sizes(160, 224, 6), [160, 192, 192, 224, 224, 224]);
    assert.deepEqual(sizes(128, 300, 4), [128, 224, 300, 300]);
    assert.deepEqual(sizes(32, 64, 2), [32, 64]);
  });

  test('never shrinks, is a multiple of 32 or the last, and is the last from half on', () => {
    for (const startSize of [1, 20, 32, 96, 100, 160, 223]) {
      for (const epochs of [1, 2, 3, 5, 8, 20]) {
        for (const size of [32, 100, 224, 300]) {
          const all = sizes(startSize, size, epochs);
          for (const [epoch, each] of all.entries()) {
            const what = `from ${startSize} to ${size} in ${epochs} epochs: ${all}`;
            assert.ok(each === size || (each > 0 && each < size && each % 32 === 0), what);
            assert.ok(epoch === 0 || each >= all[epoch - 1]!, what);
            if (epoch >= epochs / 2) assert.equal(each, size, what);
          }
        }
      }
    }
  });

  test('is constant if startSize is not set or not smaller', () => {
    assert.deepEqual(sizes(0, 300, 3), [300, 300, 300]);
    assert.deepEqual(sizes(300, 300, 3), [300, 300, 300]);
    assert.deepEqual(sizes(320, 300, 3), [300, 300, 300]);
  });
});
