// What the golden cases of timm.test.ts leave out: files of others, pools, refusals, and all rows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { autocast, liveTensors, loadStateDict, nn, noGrad, ops, scope } from '@evenhand/torch';
import { createModel, type ModelOptions } from '../catalogue.js';
import { familyOf } from '../families.js';
import { assertClose, assertSummary, golden, type Summary } from '../golden.test.helper.js';
import { replaceHead } from '../head.js';
import { filledTensors, fillTimm, imagesOf, type TimmCase } from '../timm.test.helper.js';
import type { VisionTransformer } from './vit.js';
import { VIT } from './vit-family.js';

const SMALL = { embed_dim: 24, depth: 2, num_heads: 3 };

function vit(architecture: string, options: Partial<ModelOptions> = {}): VisionTransformer {
  const model = createModel(
    { architecture },
    { numClasses: 3, imageSize: 32, ...options, args: { ...SMALL, ...options.args } },
  );
  return nn.setTraining(model, false) as VisionTransformer;
}

interface Conversion extends Pick<TimmCase, 'architecture' | 'args' | 'gain' | 'keys'> {
  size: [number, number];
  features: Summary[];
  tensors: Record<string, Summary & { shape: number[] }>;
}

for (const [name, conversion] of Object.entries(golden<Record<string, Conversion>>('timm-convert.json.gz'))) {
  const { architecture, args, size, gain, keys, features, tensors } = conversion;

  test(`a file of ${name} has timm's keys, sizes and features after conversion`, () => {
    const before = liveTensors();
    const model = createModel({ architecture, args }, { numClasses: 3, imageSize: size });
    scope(() => {
      const converted = familyOf(architecture).convert!(filledTensors(keys, gain), model);
      loadStateDict(model, converted, { without: model.classifierKey });
      for (const [key, { shape, ...summary }] of Object.entries(tensors)) {
        assert.deepEqual(converted.get(key)?.shape, shape, key);
        assertSummary(key, converted.get(key)!, summary);
      }
      const pooled = noGrad(() => model.forwardFeatures(imagesOf(2, size)));
      features.forEach((summary, i) => {
        assertSummary(`features of image ${i}`, ops.select(pooled, 0, i), summary);
      });
    });
    nn.disposeModule(model);
    assert.equal(liveTensors(), before, 'tensors are left');
  });
}

test('each pool reduces the normalized tokens', () => {
  const [architecture, args] = ['vit_small_patch14_reg4_dinov2', { patch_size: 16 }];
  const own = vit(architecture, { args });
  fillTimm(own, 1);
  scope(() =>
    noGrad(() => {
      const x = imagesOf(2, [32, 32]);
      const tokens = own.forwardTokens(x);
      assert.deepEqual(tokens.shape, [2, 1 + 4 + 4, 24]);
      const token = ops.select(tokens, 1, 0);
      const patches = ops.slice(tokens, 1, 5);
      const mean = ops.meanDim(patches, [1]);
      const expected = { token, avg: mean, max: ops.amax(patches, [1]), 'token+avg': ops.cat([token, mean], 1) };
      for (const [pool, features] of Object.entries(expected)) {
        const model = vit(architecture, { args, pool: pool as keyof typeof expected });
        loadStateDict(model, nn.stateDict(own), { without: 'head' });
        assert.equal(model.featureCount, features.shape[1]);
        assertClose(model.forwardFeatures(x), Array.from(features.toArray(), Number), 1e-6, pool);
        replaceHead(model, 5);
        assert.deepEqual(model.forward(x).shape, [2, 5]);
        nn.disposeModule(model);
      }
    }),
  );
  nn.disposeModule(own);
});

test('a norm after pooling normalizes class token and mean apart', () => {
  const model = vit('eva_large_patch14_196', { args: { patch_size: 16 }, pool: 'token+avg' });
  fillTimm(model, 1);
  scope(() =>
    noGrad(() => {
      const x = imagesOf(2, [32, 32]);
      const tokens = model.forwardTokens(x);
      const halves = [ops.select(tokens, 1, 0), ops.meanDim(ops.slice(tokens, 1, 1), [1])];
      const expected = ops.cat(
        halves.map((half) => model.fcNorm!.forward(half)),
        1,
      );
      assertClose(model.forwardFeatures(x), Array.from(expected.toArray(), Number), 1e-6, 'token+avg');
    }),
  );
  nn.disposeModule(model);
});

test('SigLIP without its attention pool ignores the tensors of the pool', () => {
  const model = vit('vit_base_patch16_siglip_224', { pool: 'avg' });
  const pooled = vit('vit_base_patch16_siglip_224');
  scope(() =>
    noGrad(() => {
      const file = VIT.convert!(nn.stateDict(pooled), model);
      loadStateDict(model, file);
      const x = imagesOf(1, [32, 32]);
      const mean = ops.meanDim(pooled.forwardTokens(x), [1]);
      assertClose(model.forwardFeatures(x), Array.from(mean.toArray(), Number), 1e-6, 'avg');
    }),
  );
  assert.ok(nn.countParameters(model) < nn.countParameters(pooled));
  nn.disposeModule(model);
  nn.disposeModule(pooled);
});

const TINY = 'vit_tiny_patch16_224';

for (const architecture of [TINY, 'aimv2_large_patch14_224', 'vit_base_patch16_siglip_224']) {
  test(`${architecture} computes the same in float64, and nearly the same under autocast`, () => {
    const model = vit(architecture, { args: { patch_size: 16 } });
    fillTimm(model, 1);
    scope(() =>
      noGrad(() => {
        const x = imagesOf(2, [32, 32]);
        const expected = Array.from(model.forwardFeatures(x).toArray(), Number);
        const cast = autocast({ device: 'cpu', dtype: 'bfloat16' }, () => model.forwardFeatures(x));
        assertClose(ops.to(cast, { dtype: 'float32' }), expected, 0.1, 'autocast');
        nn.moveTo(model, { dtype: 'float64' });
        assertClose(model.forwardFeatures(ops.to(x, { dtype: 'float64' })), expected, 1e-5, 'float64');
      }),
    );
    nn.disposeModule(model);
  });
}

test('stochastic depth rises linearly to its rate and drops whole branches in training', () => {
  const model = vit(TINY, { dropPath: 1, args: { depth: 3 } });
  assert.deepEqual(
    model.blocks.map((block) => block.dropPath.p),
    [0, 0.5, 1],
  );
  scope(() =>
    noGrad(() => {
      const x = imagesOf(1, [32, 32]);
      const block = model.blocks[2]!;
      const tokens = model.forwardTokens(x);
      assert.ok(!ops.equal(block.forward(tokens), tokens));
      nn.setTraining(model, true);
      assert.ok(ops.equal(block.forward(tokens), tokens));
    }),
  );
  nn.disposeModule(model);
});

test('a LayerScale of 1 is not a whole number for libtorch', () => {
  const model = vit('vit_base_patch14_reg1_tipsv2', { args: { patch_size: 16 } });
  assert.equal(model.blocks[0]!.ls1!.gamma.dtype, 'float32');
  nn.disposeModule(model);
});

const REFUSED: [architecture: string, options: Partial<ModelOptions>, message: RegExp][] = [
  [TINY, { imageSize: 100 }, /size of 100 does not fit vit_tiny_patch16_224.* 96 and 112 do/],
  [TINY, { pool: 'map' }, /pool of vit_tiny_patch16_224 must be one of avg, max, token, token\+avg; got "map"\./],
  ['vit_base_patch16_siglip_224', { pool: 'token' }, /must be one of avg, max, map; got "token"\./],
  [TINY, { args: { class_token: false } }, /must be one of avg, max; got "token"\./],
  [TINY, { args: { depht: 3 } }, /no argument depht; did you mean depth/],
  [TINY, { args: { global_pool: 'avgmax' } }, /global_pool of .* must be one of token, .*; got "avgmax"\./],
  [TINY, { args: { act_layer: 'mish' } }, /act_layer of .* must be one of gelu, .*; got "mish"\./],
  [TINY, { args: { in_chans: 4 } }, /in_chans of .* must be 3; got 4\./],
  [TINY, { args: { embed_dim: '24' } }, /embed_dim of .* must be 1 whole number of at least 1/],
  [TINY, { args: { mlp_layer: 'swiglu_packed', mlp_ratio: 3.3 } }, /even number of hidden features, got 79/],
  [TINY, { args: { num_heads: 5 } }, /embed_dim must be a multiple of num_heads, got 24 and 5\./],
];

test('what does not fit is refused in one sentence', () => {
  for (const [architecture, options, message] of REFUSED) {
    assert.throws(() => vit(architecture, options), { name: 'RangeError', message });
  }
  const model = vit(TINY);
  scope(() => {
    assert.throws(() => model.forward(imagesOf(1, [32, 48])), /built for images of 32x32 pixels \(HxW\) and got 32x48/);
    const convert = (key: string, shape: number[]) => VIT.convert!(filledTensors({ [key]: shape }, 1), model);
    assert.throws(() => convert('patch_embed.proj.weight', [24, 3, 14, 14]), /patches of 14x14 .* model of 16x16/);
    assert.throws(() => convert('pos_embed', [1, 12, 24]), /\[1,12,24\] has 11 patches.* 14x14 patches\./);
  });
  nn.disposeModule(model);
});
