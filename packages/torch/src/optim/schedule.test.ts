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

test('the schedules here are those of the golden file', () => {
  assert.deepEqual(schedules.map(({ name }) => name).sort(), Object.keys(ours).sort());
});

for (const { name, factors } of schedules) {
  test(`${name}, compared with LambdaLR`, () => {
    for (const [step, factor] of factors.entries()) {
      assert.ok(Math.abs(ours[name]!(step) - factor) < 1e-12, `step ${step}: ${ours[name]!(step)}, expected ${factor}`);
    }
  });
}

test('after the last step the factor stays at the floor', () => {
  for (const schedule of [cosine, linear]) {
    const factor = schedule({ totalSteps: 10, warmupSteps: 2, floor: 0.25 });
    assert.equal(factor(1), 1);
    assert.equal(factor(2), 1);
    assert.equal(factor(10), 0.25);
    assert.equal(factor(1000), 0.25);
  }
});

test('factors are finite if all steps are warm-up, or if there are none', () => {
  for (const schedule of [cosine, linear]) {
    assert.equal(schedule({ totalSteps: 3, warmupSteps: 3 })(2), 1);
    assert.ok(Number.isFinite(schedule({ totalSteps: 0 })(0)));
  }
});

test('a number of steps that is not whole is refused', () => {
  for (const totalSteps of [-1, 1.5, Number.NaN]) {
    assert.throws(() => cosine({ totalSteps }), { code: 'TORCH_BAD_ARGUMENT', message: /^totalSteps must be a whole/ });
  }
  assert.throws(() => linear({ totalSteps: 3, warmupSteps: 0.5 }), /^TorchError: warmupSteps must be a whole number/);
});
