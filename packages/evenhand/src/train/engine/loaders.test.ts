import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluationBatch } from './loaders.js';

test('without gradients a GPU gets large batches, fewer of large images, and a CPU those that it trains with', () => {
  assert.deepEqual(
    [224, 64, 384, 518, 4096].map((size) => evaluationBatch(32, size, 'cuda:0')),
    [256, 512, 64, 32, 32],
  );
  assert.equal(evaluationBatch(4, 4096, 'cuda:0'), 16);
  assert.equal(evaluationBatch(1024, 224, 'cuda:0'), 1024);
  assert.equal(evaluationBatch(8, 224, 'cpu'), 8);
});
