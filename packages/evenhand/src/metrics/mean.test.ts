import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meanAndDeviation } from './mean.js';

test('mean and standard deviation are those of a sample', () => {
  assert.deepEqual(meanAndDeviation([1, 2, 3, 6]), { mean: 3, deviation: Math.sqrt(14 / 3) });
  assert.deepEqual(meanAndDeviation([5]), { mean: 5, deviation: 0 });
  assert.deepEqual(meanAndDeviation([]), { mean: Number.NaN, deviation: Number.NaN });
});
