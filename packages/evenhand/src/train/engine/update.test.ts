import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ops, optim, scope, type Tensor, tensor } from '@evenhand/torch';
import { startLossScale, update } from './update.js';

/** A parameter with the gradient `factor` times [0.3, -0.4], and its optimizer. */
function start(factor: number): { weights: Tensor; optimizer: optim.Optimizer; give: (factor: number) => void } {
  const weights = tensor([1, 2], { requiresGrad: true });
  const optimizer = new optim.SGD([{ parameters: [weights], weightDecay: 0 }], { learningRate: 1 });
  const give = (by: number) => {
    weights.grad = ops.mulScalar(tensor([0.3, -0.4]), by);
  };
  give(factor);
  return { weights, optimizer, give };
}

test('a scaled loss gives the weights of an unscaled one, bit for bit', () =>
  scope(() => {
    for (const clipNorm of [0, 0.1]) {
      const [plain, scaled] = [start(1), start(65_536)];
      const norm = update([plain.weights], plain.optimizer, clipNorm, undefined)!.item();
      const scale = startLossScale();
      assert.equal(update([scaled.weights], scaled.optimizer, clipNorm, scale)!.item(), norm);
      assert.ok(Math.abs(norm - 0.5) < 1e-6);
      assert.deepEqual(scaled.weights.toArray(), plain.weights.toArray());
      assert.notDeepEqual(plain.weights.toArray(), Float32Array.of(1, 2));
      assert.deepEqual([scaled.weights.grad, scale], [null, { factor: 65_536, updates: 1 }]);
    }
  }));

test('an update by gradients that overflow is left out, and the scale halved; it doubles after 2000 updates', () =>
  scope(() => {
    const { weights, optimizer, give } = start(Number.POSITIVE_INFINITY);
    const scale = { factor: 8, updates: 1999 };
    assert.equal(update([weights], optimizer, 1, scale), null);
    assert.deepEqual([...weights.toArray()], [1, 2]);
    assert.deepEqual([weights.grad, scale], [null, { factor: 4, updates: 0 }]);
    scale.updates = 1999;
    give(4);
    assert.ok(update([weights], optimizer, 1, scale));
    assert.deepEqual(scale, { factor: 8, updates: 0 });
  }));

test('gradients that are not finite whatever the scale are reported by their norm', () =>
  scope(() => {
    const { weights, optimizer, give } = start(Number.NaN);
    const scale = { factor: 1, updates: 0 };
    assert.ok(Number.isNaN(update([weights], optimizer, 0, scale)!.item()));
    assert.deepEqual([...weights.toArray()], [1, 2]);
    give(Number.POSITIVE_INFINITY);
    assert.equal(update([weights], optimizer, 0, undefined)!.item(), Number.POSITIVE_INFINITY);
  }));
