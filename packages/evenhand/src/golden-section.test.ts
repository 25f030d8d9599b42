import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leastPoint } from './golden-section.js';

test('golden section finds the least point, at a bound too', () => {
  assert.ok(Math.abs(leastPoint((x) => (x - 0.3) ** 2, -4, 9, 1e-6) - 0.3) < 1e-6);
  assert.ok(Math.abs(leastPoint((x) => x, -4, 9, 1e-6) + 4) < 1e-5);
  assert.ok(Math.abs(leastPoint((x) => Math.abs(x - 8.999), -4, 9, 1e-6) - 8.999) < 1e-5);
});
