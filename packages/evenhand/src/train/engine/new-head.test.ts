import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readTensors, scope } from '@evenhand/torch';
import { sha256 } from './images.test.helper.js';
import { TestRuns } from './training.test.helper.js';

const runs = await TestRuns.open();
after(runs.remove);

const values = {
  model: 'efficientnet_mini',
  weights: 'pretrained',
  headEpochs: 1,
  headPasses: 2,
  epochs: 2,
  keep: 'last',
  ema: 0.5,
};

const phasesOf = (name: string) => runs.epochs(name).map(({ phase, epoch }) => `${phase} ${epoch}`);

/** The values of the tensors of a run's checkpoint, by key. */
function weightsOf(name: string): Map<string, string> {
  return scope(() => new Map([...readTensors(runs.best(name))].map(([key, value]) => [key, value.toArray().join()])));
}

describe('a new head after the whole network', () => {
  before(async () => {
    await runs.go('without', values);
    await runs.go('reference', { ...values, newHeadEpochs: 2 });
  });

  test('is trained on the backbone as it was kept, which does not change', () => {
    assert.deepEqual(phasesOf('without'), ['head 1', 'full 1', 'full 2']);
    assert.deepEqual(phasesOf('reference'), [...phasesOf('without'), 'new-head 1', 'new-head 2']);
    const [without, reference] = [weightsOf('without'), weightsOf('reference')];
    const changed = [...reference].filter(([key, value]) => value !== without.get(key)).map(([key]) => key);
    assert.deepEqual(changed.sort(), ['classifier.1.bias', 'classifier.1.weight']);
    const rates = runs.epochs('reference').slice(-2);
    assert.ok(rates.every(({ backboneRate }) => backboneRate === 0));
    assert.ok(rates[1]!.headRate < 0.01 * rates[0]!.headRate);
  });

  test('ends with the same bits wherever it was interrupted', async () => {
    for (const [stage, epoch] of [
      ['features', 1],
      ['head', 1],
      ['features', 2],
    ] as const) {
      const { interrupted } = await runs.go(
        'interrupted',
        { ...values, newHeadEpochs: 2 },
        // Phase 1 has one epoch.
        (at) => at.stage === stage && at.epochs === 2 && at.epoch === epoch,
      );
      assert.equal(interrupted, true, `${stage} ${epoch}`);
    }
    await runs.go('interrupted');
    assert.deepEqual(runs.epochs('interrupted'), runs.epochs('reference'));
    assert.equal(sha256(runs.best('interrupted')), sha256(runs.best('reference')));
  });

  test('is kept only if it is better, where validation images choose', async () => {
    // A head that has learned nothing.
    const { best } = await runs.go('worse', { ...values, keep: 'best', newHeadEpochs: 1, headPhaseRate: 1e-9 });
    assert.equal(best!.phase, 'full');
  });

  test('is not trained where the whole network was not', async () => {
    await runs.go('frozen', { ...values, epochs: 0, newHeadEpochs: 2 });
    assert.deepEqual(phasesOf('frozen'), ['head 1']);
  });
});
