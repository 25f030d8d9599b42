import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGolden } from '../testing/golden.js';
import { constant, cosine, linear, type Schedule } from './index.js';

const { schedules } = readGolden<{ schedules: { name: string; factors: number[] }[] }>('optim/optim.json.gz');

/** The schedules of tools/golden_optim.py, where PyTorch's LambdaLR steps through the published formulas. */
const ours: Record<string, Schedule> = {
  cosine: cosine({ totalSteps: 20, warmupSteps: 4 }),
  'cosine to a floor': cosine({ totalSteps: 10, floor: 0.1 }),
  linear: linear({ totalSteps: 12, warmupSteps: 3 }),
  constant: constant({ totalSteps: 8, warmupSteps: 3 }),
};

test('every golden schedule is here, and the other way round', () => {
  assert.deepEqual(schedules.map(({ name }) => name).sort(), Object.keys(ours).sort());
});

for (const { name, factors } of schedules) {
  test(`${name}, as LambdaLR`, () => {
    for (const [step, factor] of factors.entries()) {
      assert.ok(Math.abs(ours[name]!(step) - factor) < 1e-12, `step ${step}: ${ours[name]!(step)}, expected ${factor}`);
    }
  });
}

test('after the last step the factor stays at its floor', () => {
  for (const schedule of [cosine, linear]) {
    const factor = schedule({ totalSteps: 10, warmupSteps: 2, floor: 0.25 });
    assert.equal(factor(1), 1);
    assert.equal(factor(2), 1);
    assert.equal(factor(10), 0.25);
    assert.equal(factor(1000), 0.25);
  }
});

test('a run that is all warm-up, or has no steps, has finite factors', () => {
  for (const schedule of [cosine, linear]) {
    assert.equal(schedule({ totalSteps: 3, warmupSteps: 3 })(2), 1);
    assert.ok(Number.isFinite(schedule({ totalSteps: 0 })(0)));
  }
});

test('steps that are no whole numbers are refused', () => {
  for (const totalSteps of [-1, 1.5, Number.NaN]) {
    assert.throws(() => cosine({ totalSteps }), { code: 'TORCH_BAD_ARGUMENT', message: /^totalSteps must be a whole/ });
  }
  assert.throws(() => linear({ totalSteps: 3, warmupSteps: 0.5 }), /^TorchError: warmupSteps must be a whole number/);
});
