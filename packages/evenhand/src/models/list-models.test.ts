import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { modelNames } from './catalogue.js';
import { FROZEN_SCORES } from './frozen-scores.js';
import { betterCached, listModels } from './list-models.js';
import { newFolder } from './weights/hub.test.helper.js';

test('the compared models are of the catalogue, the best first', () => {
  const names = modelNames();
  for (const [name, { imageSize }] of FROZEN_SCORES) {
    assert.ok(names.includes(name) && imageSize >= 224, name);
  }
  const scores = [...FROZEN_SCORES.values()].map(({ score }) => score);
  assert.deepEqual(
    scores,
    [...scores].sort((a, b) => b - a),
  );
  const listed = new Map(listModels({}).map(({ name, frozenScore }) => [name, frozenScore]));
  assert.deepEqual([listed.get('convnext_tiny.in12k'), listed.get('convnext_nano.in12k')], [27.7, null]);
});

test('a cached model is better only by a clear difference of the features', () => {
  const cache = newFolder();
  const env = { HF_HUB_CACHE: cache };
  const keep = (name: string): void => {
    const folder = join(cache, `models--timm--${name}`);
    const snapshot = join(folder, 'snapshots', '0'.repeat(40));
    mkdirSync(join(folder, 'refs'), { recursive: true });
    mkdirSync(snapshot, { recursive: true });
    writeFileSync(join(folder, 'refs/main'), '0'.repeat(40));
    writeFileSync(join(snapshot, 'model.safetensors'), '');
  };
  assert.equal(betterCached('mobilenet_v2', env), undefined);
  keep('resnet18.a1_in1k');
  assert.equal(betterCached('mobilenet_v2', env), undefined, 'by less than a point');
  keep('convnext_tiny.in12k');
  assert.deepEqual(betterCached('mobilenet_v2', env), { name: 'convnext_tiny.in12k', imageSize: 224 });
  keep('vit_base_patch14_dinov2.lvd142m');
  assert.deepEqual(betterCached('mobilenet_v2', env), { name: 'vit_base_patch14_dinov2.lvd142m', imageSize: 224 });
  assert.equal(betterCached('vit_small_patch14_dinov2.lvd142m', env), undefined);
});
