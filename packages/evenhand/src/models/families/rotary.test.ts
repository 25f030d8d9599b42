// What the golden cases of timm.test.ts leave out: pools, devices and types, and refusals.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { autocast, loadStateDict, nn, noGrad, ops, scope, type Tensor } from '@evenhand/torch';
import { createModel, type ModelOptions } from '../catalogue.js';
import { assertClose } from '../golden.test.helper.js';
import { replaceHead } from '../head.js';
import { filledTensors, fillTimm, imagesOf } from '../timm.test.helper.js';
import { ROTARY_VIT } from './rotary.js';
import type { RotaryViT } from './rotary-vit.js';

const SMALL = { embed_dim: 24, depth: 2, num_heads: 3 };

function rotary(architecture: string, options: Partial<ModelOptions> = {}): RotaryViT {
  const model = createModel(
    { architecture },
    { numClasses: 3, imageSize: 32, ...options, args: { ...SMALL, ...options.args } },
  );
  return nn.setTraining(model, false) as RotaryViT;
}

const numbers = (x: Tensor): number[] => Array.from(x.toArray(), Number);

test('each pool reduces the normalized tokens, without the attention pool of the file', () => {
  const own = rotary('vit_pe_core_base_patch16_224');
  fillTimm(own, 1);
  scope(() =>
    noGrad(() => {
      const x = imagesOf(2, [32, 32]);
      const tokens = own.forwardTokens(x);
      assert.deepEqual(tokens.shape, [2, 1 + 4, 24]);
      const token = ops.select(tokens, 1, 0);
      const patches = ops.slice(tokens, 1, 1);
      const mean = ops.meanDim(patches, [1]);
      const expected = { token, avg: mean, max: ops.amax(patches, [1]), 'token+avg': ops.cat([token, mean], 1) };
      for (const [pool, features] of Object.entries(expected)) {
        const model = rotary('vit_pe_core_base_patch16_224', { pool: pool as keyof typeof expected });
        loadStateDict(model, ROTARY_VIT.convert!(nn.stateDict(own), model), { without: 'head' });
        assert.equal(model.featureCount, features.shape[1]);
        assertClose(model.forwardFeatures(x), numbers(features), 1e-6, pool);
        replaceHead(model, 5);
        assert.deepEqual(model.forward(x).shape, [2, 5]);
        nn.disposeModule(model);
      }
    }),
  );
  nn.disposeModule(own);
});

test('the norm after the pool normalizes class token and mean apart', () => {
  const model = rotary('eva02_base_patch14_448', { imageSize: 28, pool: 'token+avg' });
  fillTimm(model, 1);
  scope(() =>
    noGrad(() => {
      const x = imagesOf(2, [28, 28]);
      const tokens = model.forwardTokens(x);
      const parts = [ops.select(tokens, 1, 0), ops.meanDim(ops.slice(tokens, 1, 1), [1])];
      const expected = ops.cat(
        parts.map((part) => model.fcNorm!.forward(part)),
        1,
      );
      assertClose(model.forwardFeatures(x), numbers(expected), 1e-6, 'token+avg');
    }),
  );
  nn.disposeModule(model);
});

for (const architecture of ['vit_small_patch16_dinov3_qkvb', 'vit_small_patch16_rope_mixed_224']) {
  test(`${architecture} computes the same in float64, and nearly the same under autocast`, () => {
    const model = rotary(architecture);
    fillTimm(model, 1);
    scope(() =>
      noGrad(() => {
        const x = imagesOf(2, [32, 32]);
        const expected = numbers(model.forwardFeatures(x));
        const cast = autocast({ device: 'cpu', dtype: 'bfloat16' }, () => model.forwardFeatures(x));
        assertClose(ops.to(cast, { dtype: 'float32' }), expected, 0.05, 'autocast');
        nn.moveTo(model, { dtype: 'float64' });
        assertClose(model.forwardFeatures(ops.to(x, { dtype: 'float64' })), expected, 1e-5, 'float64');
      }),
    );
    nn.disposeModule(model);
  });
}

const DINOV3 = 'vit_small_patch16_dinov3';

test('a LayerScale of 1 is not a whole number for libtorch', () => {
  const model = rotary(DINOV3, { args: { init_values: 1 } });
  assert.equal(model.blocks[0]!.gamma_1!.dtype, 'float32');
  nn.disposeModule(model);
});

const REFUSED: [architecture: string, options: Partial<ModelOptions>, message: RegExp][] = [
  [DINOV3, { imageSize: 100 }, /size of 100 does not fit vit_small_patch16_dinov3.* 96 and 112 do/],
  [DINOV3, { pool: 'map' }, /pool of vit_small_patch16_dinov3 must be one of avg, max, token, token\+avg; got "map"\./],
  ['vit_pe_core_gigantic_patch14_448', { imageSize: 28, pool: 'token' }, /must be one of avg, max, map; got "token"\./],
  [DINOV3, { args: { depht: 3 } }, /no argument depht; did you mean depth/],
  [
    DINOV3,
    { args: { global_pool: 'avgmax' } },
    /global_pool of .* must be one of avg, max, token, map; got "avgmax"\./,
  ],
  [DINOV3, { args: { rope_type: 'mrope' } }, /rope_type of .* must be one of cat, dinov3, mixed; got "mrope"\./],
  [DINOV3, { args: { rope_rotate_half: false } }, /rope_rotate_half of .* must be true; got false\./],
  [DINOV3, { args: { in_chans: 4 } }, /in_chans of .* must be 3; got 4\./],
  [DINOV3, { args: { embed_dim: '24' } }, /embed_dim of .* must be 1 whole number of at least 1/],
  [DINOV3, { args: { num_heads: 4 } }, /embed_dim of .* must be a multiple of 4 num_heads .* got 24 and 4\./],
];

test('what does not fit is refused in one sentence', () => {
  for (const [architecture, options, message] of REFUSED) {
    assert.throws(() => rotary(architecture, options), { name: 'RangeError', message });
  }
  const model = rotary('vit_pe_core_base_patch16_224');
  scope(() => {
    assert.throws(() => model.forward(imagesOf(1, [32, 48])), /built for images of 32x32 pixels \(HxW\) and got 32x48/);
    const convert = (key: string, shape: number[]) => ROTARY_VIT.convert!(filledTensors({ [key]: shape }, 1), model);
    assert.throws(() => convert('patch_embed.proj.weight', [24, 3, 14, 14]), /patches of 14x14 .* model of 16x16/);
    assert.throws(() => convert('pos_embed', [1, 12, 24]), /\[1,12,24\] has 11 patches.* 14x14 patches\./);
  });
  nn.disposeModule(model);
});
