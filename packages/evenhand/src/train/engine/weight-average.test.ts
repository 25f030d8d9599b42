import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { nn, noGrad, ops, readTensors, scope } from '@evenhand/torch';
import { evaluate } from '../../workflows/index.js';
import { sha256 } from './images.test.helper.js';
import { TestRuns } from './training.test.helper.js';
import { WeightAverage } from './weight-average.js';

const runs = await TestRuns.open();
after(runs.remove);

test('the mean of weights counts each epoch the same, is used in their place, and goes on when resumed', async () => {
  const model = new nn.Linear(1, 1, { bias: false });
  const set = (value: number): void =>
    scope(() => noGrad(() => void ops.copy_(model.weight, ops.full([1, 1], value, { dtype: 'float32' }))));
  let average = new WeightAverage(model);
  for (const value of [1, 2]) {
    set(value);
    average.add();
  }
  const saved = average;
  average = new WeightAverage(model);
  average.loadStateDict(saved.stateDict(), 2);
  saved.dispose();
  set(9);
  average.add();
  await average.evaluate(async () => assert.equal(model.weight.item(), 4));
  assert.equal(model.weight.item(), 9);
  average.apply();
  assert.equal(model.weight.item(), 4);
  average.dispose();
  nn.disposeModule(model);
});

function valuesOf(file: string, prefix = ''): (key: string) => number[] {
  const tensors = new Map(
    scope(() => [...readTensors(file)].map(([key, each]) => [key, Array.from(each.toArray(), Number)])),
  );
  return (key) => tensors.get(prefix + key)!;
}

describe('a training with `average`', () => {
  const values = { weights: runs.start, headEpochs: 0, epochs: 3, average: 2, keep: 'last' };

  test('scores the mean of the last epochs, interrupted or not, and keeps it', async () => {
    const { epochs, best } = await runs.go('whole', values);
    assert.deepEqual(
      epochs.map(({ epoch, averaged }) => [epoch, averaged]),
      [[1, undefined], [2, undefined], [3, undefined], [3, 2]], // biome-ignore format: one line
    );
    assert.equal(best!.averaged, 2);
    const { report } = await evaluate({ run: runs.path('whole'), data: runs.photos });
    assert.equal(report.macroF1, best!.macroF1);

    let validations = 0;
    const { interrupted } = await runs.go('stopped', values, ({ stage, done, total }) => {
      if (stage === 'validate' && done === total) validations++;
      return validations === 4;
    });
    assert.equal(interrupted, true);
    const means = valuesOf(runs.state('stopped'), 'average.');
    await runs.go('stopped');
    const kept = valuesOf(runs.best('whole'));
    assert.deepEqual(kept('features.0.0.weight'), means('features.0.0.weight'));
    assert.notDeepEqual(kept('features.0.1.running_mean'), means('features.0.1.running_mean'), 'computed anew');
    assert.deepEqual(runs.epochs('stopped'), runs.epochs('whole'));
    assert.equal(sha256(runs.best('stopped')), sha256(runs.best('whole')));
  });
});
