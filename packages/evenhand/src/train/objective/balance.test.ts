import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConfigLayer, resolveConfig } from '../config/resolve.js';
import { countLabels, samplerOptions } from './balance.js';

const config = (values: ConfigLayer['values'] = {}) => resolveConfig('competition', [{ source: 'test', values }]);

test('countLabels counts the images of each class, 0 for absent classes', () => {
  const samples = [2, 0, 2, 2].map((label, i) => ({ file: `${i}.jpg`, label }));
  assert.deepEqual([...countLabels(samples, 4)], [1, 0, 3, 0]);
});

test('samplerOptions balances only with balance: sampler', () => {
  assert.deepEqual(samplerOptions(config()), { kind: 'balanced', exponent: 1 });
  assert.deepEqual(samplerOptions(config({ samplerExponent: 0.5 })), { kind: 'balanced', exponent: 0.5 });
  assert.deepEqual(samplerOptions(resolveConfig('competition-literal')), { kind: 'balanced', exponent: 1 });
  for (const balance of ['none', 'weighted-loss', 'logit-adjust']) {
    assert.deepEqual(samplerOptions(config({ balance })), { kind: 'shuffle' }, balance);
  }
});
