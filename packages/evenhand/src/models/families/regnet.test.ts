import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nn, ops, scope } from '@evenhand/torch';
import { createModel } from '../catalogue.js';
import { familyOf } from '../families.js';
import { golden } from '../golden.test.helper.js';

const NARROW = { w0: 16, wa: 20, wm: 2, depth: 5, group_size: 8 };

test("a file of torchvision gets timm's keys, as timm gives them", () => {
  const renamed = golden<Record<string, string>>('regnet-keys.json.gz');
  const model = createModel({ architecture: 'regnety_004', args: NARROW }, { numClasses: 2 });
  scope(() => {
    const tensors = new Map(Object.keys(renamed).map((key) => [key, ops.zeros([1])]));
    const converted = familyOf('regnety_004').convert!(tensors, model);
    assert.equal(converted.size, tensors.size);
    for (const [key, value] of tensors) assert.equal(converted.get(renamed[key]!), value, key);
    assert.deepEqual(familyOf('regnety_004').convert!(converted, model), converted, 'a file of timm stays as it is');
  });
  nn.disposeModule(model);
});

test('training from scratch starts with blocks that pass on their input, except in RegNetZ', () => {
  for (const [architecture, zero] of [
    ['regnety_002', true],
    ['regnetz_005', false],
  ] as const) {
    const tensors = nn.stateDict(createModel({ architecture, args: NARROW }, { numClasses: 2 }));
    for (const conv of ['conv1', 'conv2', 'conv3']) {
      const scale = Array.from(tensors.get(`s3.b2.${conv}.bn.weight`)!.toArray(), Number);
      const expected = zero && conv === 'conv3' ? 0 : 1;
      assert.ok(
        scale.every((value) => value === expected),
        `${architecture} ${conv}`,
      );
    }
  }
});

test('what a RegNet does not have is refused by name', () => {
  const refuses = (args: Record<string, unknown>, message: RegExp) =>
    assert.throws(() => createModel({ architecture: 'regnety_002', args: { ...NARROW, ...args } }, { numClasses: 2 }), {
      name: 'RangeError',
      message,
    });
  refuses({ global_pool: 'map' }, /^pool of regnety_002 must be one of avg, max; got "map"\.$/);
  refuses({ act_layer: 'gelu' }, /^act_layer of regnety_002 must be one of relu, silu; got "gelu"\.$/);
  refuses({ depth: 1 }, /^number of stages \(depth, w0, wa and wm\) of regnety_002 must be 4; got 1\.$/);
  refuses({ downsample: 'conv3x3' }, /^downsample of regnety_002 must be one of conv1x1, avg, null; got/);
});
