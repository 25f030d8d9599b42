import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { liveTensors, nn, ops, scope } from '@evenhand/torch';
import { Ema } from './ema.js';

/** Sets every floating-point tensor of the model to `value`. */
function fill(model: nn.Module, value: number): void {
  scope(() => {
    for (const each of nn.stateDict(model).values()) {
      if (each.dtype.includes('float')) each.setData(ops.full(each.shape, value, { dtype: 'float32' }));
    }
  });
}

const values = (tensors: ReadonlyMap<string, { toArray(): ArrayLike<number | bigint> }>): Record<string, number> =>
  Object.fromEntries([...tensors].map(([key, each]) => [key, Number(each.toArray()[0])]));

describe('exponential moving averages', () => {
  test('follow the weights and the BatchNorm statistics with a decay that warms up', () => {
    const model = new nn.Sequential(new nn.Conv2d(1, 1, 1), new nn.BatchNorm2d(1));
    fill(model, 1);
    const ema = new Ema(model, 0.9);
    fill(model, 0);
    let expected = 1;
    for (let update = 0; update < 200; update++) {
      expected *= Math.min(0.9, (1 + update) / (10 + update));
      ema.update(update);
      if (update > 20) continue;
      for (const key of ['0.weight', '1.weight', '1.running_mean', '1.running_var']) {
        assert.ok(Math.abs(values(ema.stateDict())[key]! - expected) < 1e-6, `${key} after update ${update}`);
      }
    }
    assert.ok(!ema.stateDict().has('1.num_batches_tracked'));
    ema.dispose();
    nn.disposeModule(model);
  });

  // A constant decay of 0.998 keeps 41 % of the initial weights after 450 updates.
  test('forget the initial weights within a short training', () => {
    const model = new nn.Linear(1, 1);
    fill(model, 1);
    const ema = new Ema(model, 0.998);
    fill(model, 0);
    for (let update = 0; update < 450; update++) ema.update(update);
    assert.ok(values(ema.stateDict()).weight! < 1e-6);
    ema.dispose();
    nn.disposeModule(model);
  });

  test('are evaluated in the place of the weights, which come back even after an error', async () => {
    const model = new nn.Sequential(new nn.BatchNorm2d(1));
    fill(model, 1);
    const ema = new Ema(model, 0.9);
    fill(model, 3);
    const before = liveTensors();
    const seen = await ema.evaluate(async () => values(nn.stateDict(model)));
    assert.deepEqual([seen['0.weight'], seen['0.running_mean']], [1, 1]);
    await assert.rejects(
      ema.evaluate(() => Promise.reject(new Error('stop'))),
      /stop/,
    );
    assert.deepEqual(values(nn.stateDict(model))['0.weight'], 3);
    assert.equal(liveTensors(), before);
    ema.dispose();
    nn.disposeModule(model);
  });

  test('continue from saved averages, and from a checkpoint of version 0.1 that has no statistics', () => {
    const model = new nn.Sequential(new nn.BatchNorm2d(1));
    fill(model, 1);
    const ema = new Ema(model, 0.9);
    scope(() => ema.loadStateDict(new Map([['0.weight', ops.full([1], 5, { dtype: 'float32' })]])));
    const { '0.weight': weight, '0.running_mean': mean } = values(ema.stateDict());
    assert.deepEqual([weight, mean], [5, 1]);
    ema.dispose();
    nn.disposeModule(model);
  });
});
