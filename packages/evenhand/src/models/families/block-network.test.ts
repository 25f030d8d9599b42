import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nn, noGrad, ops, scope, type Tensor } from '@evenhand/torch';
import { createModel } from '../catalogue.js';
import type { BuildOptions } from '../family.js';
import { assertClose } from '../golden.test.helper.js';
import { headParameters, replaceHead } from '../head.js';
import type { ImageModel } from '../model.js';
import { fillTimm, imagesOf } from '../timm.test.helper.js';
import { parseStages } from './block-strings.js';

function build(architecture: string, options: Partial<BuildOptions> = {}): ImageModel {
  return createModel({ architecture }, { numClasses: 3, seed: 0, ...options });
}

test('block strings are repeated and scaled as in timm', () => {
  const stages = [['ds_r1_k3_s1_c16_noskip'], ['ir_r1_k5_s2_e6_c24_se0.25_nre', 'ir_r3_k3_s1_e2.5_c24']];
  const [first, second] = parseStages(stages, { depth_multiplier: 1.5, fix_first_last: false });
  assert.deepEqual([first!.length, second!.length], [2, 6]);
  assert.deepEqual(
    second!.map(({ kernel, stride }) => [kernel, stride]),
    [
      [5, 2],
      [5, 1],
      [3, 1],
      [3, 1],
      [3, 1],
      [3, 1],
    ],
  );
  const { type, channels, expand, se, activation, skip } = second![0]!;
  assert.deepEqual([type, channels, expand, se, activation, skip], ['ir', 24, 6, 0.25, 'relu', null]);
  assert.deepEqual([first![0]!.skip, second![5]!.expand, second![5]!.se], [false, 2.5, 0]);
  const depths = (options: Parameters<typeof parseStages>[1]) =>
    parseStages(stages, options).map(({ length }) => length);
  assert.deepEqual(depths({ depth_multiplier: 1.3 }), [2, 6]);
  assert.deepEqual(depths({ depth_multiplier: 1.3, depth_trunc: 'round' }), [1, 5]);
  assert.deepEqual(depths({ depth_multiplier: 3, fix_first_last: true }), [1, 4]);
  assert.deepEqual(depths({ depth_multiplier: [2, 1] }), [2, 4]);
});

for (const architecture of [
  'tinynet_e',
  'lcnet_035',
  'mobilenetv4_conv_small_035',
  'torchvision/efficientnet_mini',
  'torchvision/mobilenet_v2',
  'torchvision/mobilenet_v3_small',
]) {
  test(`${architecture}: stochastic depth rises to its rate, and the pool can be changed`, () => {
    const model = build(architecture, { dropPath: 0.3, pool: 'max' });
    const rates = nn.modules(model).filter((each) => each instanceof nn.StochasticDepth);
    const positive = rates.map(({ p }) => p).filter((p) => p > 0);
    assert.ok(positive.length > 2);
    for (const [index, rate] of positive.entries()) {
      const step = 0.3 / (positive.length + 1);
      assert.ok(Math.abs(rate - step * (index + 1)) < 1e-9, `block ${index + 1} has ${rate}`);
    }
    const average = build(architecture);
    nn.setTraining(model, false);
    nn.setTraining(average, false);
    scope(() =>
      noGrad(() => {
        const x = imagesOf(1, [32, 32]);
        // one position: mean and maximum are the same
        const features = average.forwardFeatures(x);
        assertClose(model.forwardFeatures(x), [...features.toArray()].map(Number), 1e-5, 'features of one position');
        const wide = imagesOf(1, [64, 64]);
        const difference = ops.sub(model.forwardFeatures(wide), average.forwardFeatures(wide));
        assert.ok(Number(ops.amax(ops.abs(difference)).item()) > 0, 'the pool changes nothing');
      }),
    );
    nn.disposeModule(model);
    nn.disposeModule(average);
  });
}

test('arguments and pools that a network lacks are refused by name', () => {
  const refuses = (architecture: string, options: Partial<BuildOptions>, message: RegExp) =>
    assert.throws(() => build(architecture, options), { name: 'RangeError', message });
  for (const architecture of ['tinynet_e', 'lcnet_035', 'torchvision/efficientnet_b0', 'torchvision/mobilenet_v2']) {
    refuses(
      architecture,
      { pool: 'token' },
      new RegExp(`pool of ${architecture} must be one of avg, max; got "?token`),
    );
    refuses(architecture, { args: { droprate: 0 } }, new RegExp(`${architecture} has no argument droprate`));
  }
  refuses('lcnet_035', { args: { act_layer: 'mish' } }, /act_layer of lcnet_035 must be one of relu, .*; got "?mish/);
  refuses(
    'lcnet_035',
    { args: { aa_layer: 'blur' } },
    /aa_layer of lcnet_035 must be one of avg, blurpc, null; got "?blur/,
  );
  refuses('tinynet_e', { args: { pad_type: 'valid' } }, /pad_type of tinynet_e must be one of/);
  refuses('tinynet_e', { args: { in_chans: 1 } }, /in_chans of tinynet_e must be 3; got 1/);
});

test('torchvision/mobilenet_v3_small: the hidden layer of the classifier belongs to the backbone', () => {
  const model = build('torchvision/mobilenet_v3_small');
  const keys = () => [...nn.stateDict(model).keys()].filter((key) => key.startsWith('classifier'));
  const all = ['classifier.0.weight', 'classifier.0.bias', 'classifier.3.weight', 'classifier.3.bias'];
  assert.deepEqual(keys(), all);
  const hidden = nn.stateDict(model).get(all[0]!);
  replaceHead(model, 5);
  assert.deepEqual(keys(), all);
  assert.equal(nn.stateDict(model).get(all[0]!), hidden);
  assert.deepEqual(
    headParameters(model).map(({ shape }) => shape),
    [[5, 1024], [5]],
  );
  nn.disposeModule(model);
});

test('mobilenetv4_hybrid_medium_075: logits are the same in channels-last memory, which attention keeps', () => {
  const model = nn.setTraining(build('mobilenetv4_hybrid_medium_075'), false);
  fillTimm(model, 1);
  scope(() =>
    noGrad(() => {
      const x = imagesOf(1, [64, 64]);
      const expected = [...model.forward(x).toArray()].map(Number);
      nn.moveTo(model, { memoryFormat: 'channelsLast' });
      const last = ops.contiguous(x, { memoryFormat: 'channelsLast' });
      assertClose(model.forward(last), expected, 3e-4, 'logits');
      const blocks = model.backbone().flat() as nn.Module[];
      const map = blocks.slice(0, -1).reduce((y: Tensor, block) => block.forward(y), last);
      assert.equal(map.memoryFormat, 'channelsLast');
    }),
  );
  nn.disposeModule(model);
});
