import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nn, type Tensor } from '@evenhand/torch';
import { createModel } from '../catalogue.js';

const SMALL = { layers: [2, 2, 2, 2], channels: [8, 8, 8, 8] };

function build(architecture: string, args: Record<string, unknown> = {}, dropPath?: number): nn.Module {
  return createModel(
    { architecture, args: { ...SMALL, ...args } },
    { numClasses: 2, ...(dropPath === undefined ? {} : { dropPath }) },
  );
}

const valuesOf = (tensor: Tensor): number[] => Array.from(tensor.toArray(), Number);
const sumOf = (values: number[]): number => values.reduce((a, b) => a + b, 0);

test('training from scratch starts with blocks that pass on their input', () => {
  for (const [architecture, last] of [
    ['resnet18', 'bn2'],
    ['resnet50', 'bn3'],
  ] as const) {
    const tensors = nn.stateDict(build(architecture));
    for (const [key, scale] of tensors) {
      if (!/bn\d\.weight$|downsample\.1\.weight$/.test(key)) continue;
      const zero = key.startsWith('layer') && key.endsWith(`${last}.weight`);
      assert.equal(sumOf(valuesOf(scale)), zero ? 0 : scale.numel, key);
    }
    const plain = nn.stateDict(build(architecture, { zero_init_last: false }));
    assert.ok(sumOf(valuesOf(plain.get(`layer1.0.${last}.weight`)!)) > 0);
  }
});

test('convolutions start with the standard deviation of He et al. by fan-out', () => {
  const weight = nn.stateDict(build('resnet50', { channels: [64, 8, 8, 8] })).get('layer1.1.conv2.weight')!;
  const squares = valuesOf(weight).map((x) => x * x);
  const expected = 2 / (64 * 9);
  assert.ok(Math.abs(sumOf(squares) / squares.length / expected - 1) < 0.05);
});

test('the rate of stochastic depth rises linearly from 0 at the first block', () => {
  const rates = (model: nn.Module) =>
    nn.modules(model).flatMap((layer) => (layer instanceof nn.StochasticDepth ? [layer.p] : []));
  const expected = Array.from({ length: 8 }, (_, i) => (0.7 * i) / 7);
  assert.deepEqual(rates(build('resnet18', {}, 0.7)), expected);
  assert.deepEqual(rates(build('resnet50', { drop_path_rate: 0.7 })), expected);
});

test('what a ResNet does not have is refused by name', () => {
  const refuses = (args: Record<string, unknown>, message: RegExp) =>
    assert.throws(() => build('resnet50', args), { name: 'RangeError', message });
  refuses({ global_pool: 'token' }, /^pool of resnet50 must be one of avg, max; got "token"\.$/);
  refuses({ stem_type: 'wide' }, /^stem_type of resnet50 must be one of "", deep, deep_tiered; got "wide"\.$/);
  refuses({ aa_layer: 'median' }, /^aa_layer of resnet50 must be one of avg, blur, null; got/);
  refuses({ block_args: { attn_layer: 'cbam' } }, /^attn_layer of resnet50 must be one of se, eca, null; got/);
  refuses({ block: 'PreactBottleneck' }, /^block of resnet50 must be one of basic, bottleneck; got/);
  refuses({ layers: [3, 4, 6] }, /^layers of resnet50 must be 4 whole numbers of at least 1; got \[3, 4, 6\]\.$/);
  refuses({ base_with: 64 }, /^resnet50 has no argument base_with; did you mean base_width\?$/);
  assert.throws(() => createModel({ architecture: 'resnetaa50' }, { numClasses: 2, imageSize: 225 }), {
    message: /An image size of 225 does not fit resnetaa50.*224 and 256 do/,
  });
});
