import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, suggest } from './suggest.js';

test('edit distance counts insertions, deletions, replacements and swaps', () => {
  assert.equal(editDistance('', 'abc'), 3);
  assert.equal(editDistance('kitten', 'sitting'), 3);
  assert.equal(editDistance('model', 'mdoel'), 1);
  assert.equal(editDistance('same', 'same'), 0);
});

test('the closest word is suggested, and none if none is close', () => {
  const known = ['efficientnet_b0', 'efficientnet_b3', 'mobilenet_v2'];
  assert.equal(suggest('EfficientNet-B3', known), 'efficientnet_b3');
  assert.equal(suggest('mobilnet_v2', known), 'mobilenet_v2');
  assert.equal(suggest('resnet50', known), undefined);
  assert.equal(suggest('lr', ['lr', 'epochs']), 'lr');
});
