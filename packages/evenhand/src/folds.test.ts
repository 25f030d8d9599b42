import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assignFolds } from './folds.js';
import { Random } from './random.js';

const labels = Int32Array.from({ length: 60 }, (_, i) => (i < 40 ? 0 : i < 55 ? 1 : 2 + (i % 5)));

test('each class is spread over the folds, and classes with one item do not share a fold', () => {
  const foldOf = assignFolds(labels, 5, new Random(1).permutation(60));
  const foldsOf = (label: number) => [...foldOf].filter((_, i) => labels[i] === label);
  for (let fold = 0; fold < 5; fold++) {
    assert.equal(foldsOf(0).filter((each) => each === fold).length, 8);
    assert.equal(foldsOf(1).filter((each) => each === fold).length, 3);
  }
  assert.deepEqual([2, 3, 4, 5, 6].map((label) => foldsOf(label)), [[2], [3], [4], [0], [1]]); // biome-ignore format: one line
});

test('groups stay together', () => {
  const groups = labels.map((_, i) => Math.floor(i / 3));
  const foldOf = assignFolds(labels, 4, new Random(2).permutation(60), groups);
  for (let i = 0; i < 60; i += 3) assert.equal(new Set(foldOf.slice(i, i + 3)).size, 1);
  assert.equal(new Set(foldOf).size, 4);
});
