import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ops from '../ops.js';
import { manualSeed } from '../runtime.js';
import { scope } from '../scope.js';
import type { Tensor } from '../tensor.js';
import { assertClose } from '../testing/assert-close.js';
import {
  BatchNorm2d,
  Hardswish,
  type Module,
  parameters,
  ReLU,
  ReLU6,
  Sequential,
  Sigmoid,
  SiLU,
  setFrozenStatistics,
  setTraining,
  stateDict,
} from './index.js';

// layers.test.ts compares values and gradients with PyTorch, in training and in evaluation.

/** Images in the memory format of the fused kernel. */
const images = (): Tensor => ops.contiguous(ops.randn([4, 3, 5, 5]), { memoryFormat: 'channelsLast' });

function trained(layer: BatchNorm2d): BatchNorm2d {
  for (let i = 0; i < 3; i++) layer.forward(ops.addScalar(images(), i));
  return layer;
}

test('frozen statistics are used and do not change while the layer trains', () =>
  scope(() => {
    manualSeed(1);
    const layer = trained(new BatchNorm2d(3));
    const before = [...stateDict(layer)].map(([key, tensor]) => [key, tensor.toBytes()]);
    const x = images();
    const expected = setTraining(layer, false).forward(x);
    const network = setTraining(new Sequential(layer), true);
    setFrozenStatistics(network, true);
    const y = network.forward(x);
    assertClose(y, expected);
    assert.deepEqual(
      [...stateDict(layer)].map(([key, tensor]) => [key, tensor.toBytes()]),
      before,
    );
    y.backward(ops.onesLike(y));
    assert.ok(parameters(network).every(({ grad }) => grad !== null));

    setFrozenStatistics(network, false);
    network.forward(x);
    assert.equal(layer.numBatchesTracked.item(), 4);
  }));

test('batches are counted only in training', () =>
  scope(() => {
    const layer = trained(new BatchNorm2d(3));
    assert.equal(layer.numBatchesTracked.item(), 3);
    setTraining(layer, false).forward(images());
    assert.equal(layer.numBatchesTracked.item(), 3);
  }));

for (const activation of [new SiLU(), new ReLU(), new ReLU6(), new Hardswish(), new Sigmoid()]) {
  test(`Sequential fuses BatchNorm2d and ${activation.activation} with the same results as the two separately`, () =>
    scope(() => {
      manualSeed(2);
      const x = ops.mulScalar(images(), 4);
      const cotangent = ops.randn(x.shape);
      const results = [true, false].map((fused) => {
        const norm = new BatchNorm2d(3);
        const net: Module = fused ? new Sequential(norm, activation) : norm;
        const y = fused ? net.forward(x) : activation.forward(norm.forward(x));
        y.backward(cotangent);
        return [y, norm.weight.grad!, norm.bias.grad!, norm.runningMean, norm.runningVar];
      });
      const [together, apart] = results as [Tensor[], Tensor[]];
      for (const [i, tensor] of together.entries()) assertClose(tensor, apart[i]!, { rtol: 1e-5, atol: 1e-4 });
    }));
}
