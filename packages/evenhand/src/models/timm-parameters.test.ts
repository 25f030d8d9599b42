// Numbers of parameters of all architectures against timm's: see tools/golden_timm_parameters.py.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { nn } from '@evenhand/torch';
import { createModel } from './catalogue.js';
import { ROTARY_ROWS } from './families/rotary-rows.js';
import { VIT_ROWS } from './families/vit-rows.js';
import { architectureNames } from './families.js';
import { golden } from './golden.test.helper.js';

/** Numbers of blocks that are all alike: parameters of these architectures are counted with none and with one. */
const DEPTHS: Record<string, { depth?: number }> = { ...ROTARY_ROWS, ...VIT_ROWS };

/** Architectures of timm's modules that we do not have. */
const MISSING: Record<string, readonly string[]> = {
  efficientnet: [
    'efficientnet_b0_g8_gn',
    'efficientnet_b0_g16_evos',
    'efficientnet_b0_gn',
    'efficientnet_b1_pruned',
    'efficientnet_b2_pruned',
    'efficientnet_b3_g8_gn',
    'efficientnet_b3_gn',
    'efficientnet_b3_pruned',
    'efficientnet_cc_b0_4e',
    'efficientnet_cc_b0_8e',
    'efficientnet_cc_b1_8e',
    'efficientnet_h_b5',
    'efficientnet_x_b3',
    'efficientnet_x_b5',
    'gc_efficientnetv2_rw_t',
    'mixnet_l',
    'mixnet_m',
    'mixnet_s',
    'mixnet_xl',
    'mixnet_xxl',
    'test_efficientnet_evos',
    'test_efficientnet_gn',
    'test_efficientnet_ln',
    'tf_efficientnet_cc_b0_4e',
    'tf_efficientnet_cc_b0_8e',
    'tf_efficientnet_cc_b1_8e',
    'tf_mixnet_l',
    'tf_mixnet_m',
    'tf_mixnet_s',
  ],
  regnet: ['regnety_040_sgn'],
  resnet: ['ecaresnet50d_pruned', 'ecaresnet101d_pruned', 'resnet50_gn'],
  vision_transformer: [
    // blocks of other forms
    'vit_base_patch16_18x2_224',
    'vit_base_patch16_rpn_224',
    'vit_base_patch16_xp_224',
    'vit_dlittle_patch16_reg1_gap_256',
    'vit_dpwee_patch16_reg1_gap_256',
    'vit_dwee_patch16_reg1_gap_256',
    'vit_huge_patch14_xp_224',
    'vit_large_patch14_xp_224',
    'vit_pwee_patch16_reg1_gap_256',
    'vit_small_patch16_18x2_224',
  ],
};

function countParameters(architecture: string, args: Record<string, unknown>): number {
  const model = createModel({ architecture, args }, { numClasses: 1000 });
  try {
    // timm's distilled models have a second classifier
    const classifiers = architecture.includes('_distilled_') ? 2 : 1;
    return nn.countParameters(model) + (classifiers - 1) * nn.countParameters(model.classifier);
  } finally {
    nn.disposeModule(model);
  }
}

function count(architecture: string): number {
  const depth = DEPTHS[architecture]?.depth;
  if (depth === undefined) return countParameters(architecture, {});
  const rest = countParameters(architecture, { depth: 0 });
  return rest + depth * (countParameters(architecture, { depth: 1 }) - rest);
}

const known = new Set(architectureNames());

for (const file of readdirSync(new URL('../../golden/models/timm-parameters/', import.meta.url))) {
  const module = file.replace('.json', '');
  const counts = golden<Record<string, number>>(`timm-parameters/${file}`);

  test(`${module}: the architectures of timm's module are there`, () => {
    const missing = Object.keys(counts).filter((name) => !known.has(name));
    assert.deepEqual(missing, MISSING[module] ?? []);
  });

  const skip = process.env.EVENHAND_TEST_ALL ? false : 'needs npm test -- --all';
  test(`${module}: every architecture has as many parameters as in timm`, { skip }, () => {
    for (const [architecture, expected] of Object.entries(counts)) {
      if (known.has(architecture)) assert.equal(count(architecture), expected, architecture);
    }
  });
}
