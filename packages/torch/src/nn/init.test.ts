import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ops from '../ops.js';
import { manualSeed } from '../runtime.js';
import { scope } from '../scope.js';
import { assertClose } from '../testing/assert-close.js';
import { type GoldenTensor, isGoldenBuild, readGolden, valuesOf } from '../testing/golden.js';
import { BatchNorm2d, Conv2d, disposeModule, init, Linear, Sequential, stateDict } from './index.js';

const { initial } = readGolden<{ initial: { seed: number; state: Record<string, GoldenTensor> } }>('nn/nn.json.gz');

/** The network of `initial_case` in tools/golden_nn.py. */
const build = (): Sequential =>
  new Sequential(
    new Conv2d(3, 4, 3),
    new Conv2d(4, 4, 3, { groups: 4, bias: false }),
    new BatchNorm2d(4),
    new Linear(4, 5),
  );

test('a seed gives the same weights as in PyTorch', {
  skip: isGoldenBuild ? false : 'another build of libtorch may draw other numbers',
}, () => {
  manualSeed(initial.seed);
  const net = build();
  assert.deepEqual([...stateDict(net).keys()], Object.keys(initial.state));
  for (const [key, tensor] of stateDict(net)) {
    assertClose(tensor, valuesOf(initial.state[key]!), { rtol: 0, atol: 0, name: key });
  }
  disposeModule(net);
});

test('weights and biases are uniform within 1 / sqrt(inputs) and depend on the seed', () => {
  manualSeed(7);
  const net = build();
  manualSeed(7);
  const again = build();
  for (const [key, tensor] of stateDict(net)) assertClose(stateDict(again).get(key)!, tensor, { rtol: 0, atol: 0 });
  for (const [layer, inputs] of [
    [net.layers[0], 27],
    [net.layers[1], 9],
    [net.layers[3], 4],
  ] as const) {
    assert.ok(layer instanceof Conv2d || layer instanceof Linear);
    const values = [...layer.weight.toArray(), ...(layer.bias?.toArray() ?? [])].map(Number);
    const bound = 1 / Math.sqrt(inputs);
    assert.ok(values.every((value) => Math.abs(value) <= bound));
    assert.ok(Math.max(...values.map(Math.abs)) > 0.75 * bound, 'the whole range is used');
  }
  for (const each of [net, again]) disposeModule(each);
});

test('kaimingNormal_ has the standard deviation sqrt(2 / fan) for both fans', () => {
  scope(() => {
    manualSeed(9);
    const weight = ops.empty([40, 20, 3, 3]);
    for (const [mode, fan] of [
      ['fanIn', 180],
      ['fanOut', 360],
    ] as const) {
      const values = [...init.kaimingNormal_(weight, mode).toArray()].map(Number);
      const square = values.reduce((sum, value) => sum + value * value, 0) / values.length;
      // The standard error of the mean square of 7,200 draws is 1.7 %; the bound is six times that.
      assert.ok(Math.abs(square / (2 / fan) - 1) < 0.1, `${mode}: ${square}`);
    }
  });
});

test('initialization does not change requiresGrad and returns its tensor', () => {
  scope(() => {
    const weight = ops.empty([2, 3]);
    weight.requiresGrad = true;
    assert.equal(init.constant_(weight, 2), weight);
    assertClose(weight, ops.full([2, 3], 2, { dtype: 'float32' }));
    assert.equal(init.uniform_(weight, 3, 4), weight);
    assert.ok([...weight.toArray()].every((value) => value >= 3 && value <= 4));
    assert.equal(weight.requiresGrad, true);
    assert.throws(() => init.kaimingUniform_(ops.empty([3])), /fan needs a weight with at least two dimensions/);
  });
});
