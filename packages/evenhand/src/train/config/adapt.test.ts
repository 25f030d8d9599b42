import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { architectureNames, familyOf } from '../../models/index.js';
import { adaptTo, FINE_TUNING } from './adapt.js';

test('the table of docs/recipe.md has the rates of the families', () => {
  const page = readFileSync(new URL('../../../../../docs/recipe.md', import.meta.url), 'utf8');
  for (const [family, { backboneRate, layerDecay, weightDecay, clipNorm, dropPath }] of Object.entries(FINE_TUNING)) {
    const row = [backboneRate!.toExponential(), layerDecay, weightDecay, clipNorm, dropPath];
    assert.match(page, new RegExp(`^\\| [^|]*\\b${family}\\b[^|]* \\| ${row.join(' \\| ')} \\|$`, 'm'), family);
  }
});

test('every family with rates exists, and a fixed image size does not grow', () => {
  const families = new Set(architectureNames().map((name) => familyOf(name).name));
  for (const family of Object.keys(FINE_TUNING)) assert.ok(families.has(family), family);
  assert.deepEqual(adaptTo('vit_small_patch14_dinov2'), { ...FINE_TUNING.ViT, startSize: 0 });
  assert.deepEqual(adaptTo('convnext_tiny'), FINE_TUNING.ConvNeXt);
  assert.deepEqual(adaptTo('resnet50'), {});
});
