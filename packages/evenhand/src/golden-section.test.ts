import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minimise } from './golden-section.js';

test('golden-section search finds the minimum, also at a bound', () => {
  assert.ok(Math.abs(minimise((x) => (x - 0.3) ** 2, -4, 9, 1e-6) - 0.3) < 1e-6);
  assert.ok(Math.abs(minimise((x) => x, -4, 9, 1e-6) + 4) < 1e-5);
  assert.ok(Math.abs(minimise((x) => Math.abs(x - 8.999), -4, 9, 1e-6) - 8.999) < 1e-5);
});
