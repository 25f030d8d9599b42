import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ConfigLayer, resolveConfig } from '../config/resolve.js';
import { advance, fullPhaseSeconds, type Pace, type PaceFacts, planBudget, planFolds } from './budget.js';

const config = (values: ConfigLayer['values'] = {}) => resolveConfig('competition', [{ source: 'test', values }]);

describe('the plan of a budget', () => {
  const speed = { forwardRate: 100, train: 1000, val: 200, size: 224, beside: 0, fixedSize: false };
  const fast = config({ epochs: 6, startSize: 160 });

  test('has the most epochs that fit, and says how long they take', () => {
    for (const seconds of [100, 200, 400]) {
      const plan = planBudget(fast, seconds, speed);
      const cost = (epochs: number) => fullPhaseSeconds({ ...fast, ...plan, epochs }, speed);
      assert.equal(plan.seconds, cost(plan.epochs));
      assert.ok(plan.seconds <= seconds && cost(plan.epochs + 1) > seconds);
      assert.equal(plan.isLongest, false);
    }
  });

  test('has at most three times the epochs of the configuration', () => {
    const { epochs, isLongest } = planBudget(fast, 1e6, speed);
    assert.deepEqual([epochs, isLongest], [18, true]);
  });

  test('trains the head alone if less than half an epoch fits', () => {
    assert.equal(planBudget(fast, 4, speed).epochs, 0);
    assert.equal(planBudget(fast, -10, speed).epochs, 0);
    assert.equal(planBudget(fast, 14, speed).epochs, 1);
  });

  test('begins with small images if few epochs fit, unless the model has one size', () => {
    const large = config({ epochs: 6 });
    assert.equal(planBudget(large, 500, speed).startSize, 0);
    assert.deepEqual(planBudget(large, 75, speed).startSize, 160);
    assert.equal(planBudget(large, 75, { ...speed, fixedSize: true }).startSize, 0);
    assert.ok(planBudget(large, 75, speed).epochs > planBudget(large, 75, { ...speed, fixedSize: true }).epochs);
  });

  test('leaves time for what is done beside the epochs', () => {
    assert.ok(planBudget(fast, 150, { ...speed, beside: 24 }).epochs < planBudget(fast, 150, speed).epochs);
  });
});

describe('the folds of a budget', () => {
  const speed = { forwardRate: 100, train: 1000, size: 224, fixedSize: false };
  const fast = config({ epochs: 6, startSize: 160, headEpochs: 2 });

  test('are as many as leave each three epochs', () => {
    const plans = [100, 200, 300, 400, 800].map((seconds) => planFolds(fast, seconds, speed));
    assert.deepEqual(plans, plans.toSorted());
    assert.deepEqual(new Set(plans), new Set([2, 3, 4, 5]));
    // The features that the folds share, and what each fold then has.
    const left = (400 - 30) / 5;
    const folds = planFolds(fast, 400, speed);
    assert.equal(planBudget(fast, left, { ...speed, train: 800, val: 200, beside: 0 }).epochs >= 3, folds === 5);
  });

  test('are five if the head alone is trained', () => {
    assert.equal(planFolds(fast, 1, speed), 5);
    assert.equal(planFolds(config({ epochs: 0, headEpochs: 2 }), 300, speed), 5);
  });

  test('are fewer if labels are judged, or a training follows them', () => {
    const change = config({ epochs: 6, startSize: 160, headEpochs: 2, labelNoise: 'auto' });
    const least = (of: typeof fast) => [...Array(1000).keys()].find((seconds) => planFolds(of, seconds, speed) === 3)!;
    assert.ok(least(change) > least(fast));
    assert.ok(least({ ...fast, combine: 'refit' }) > least(fast));
  });
});

describe('the pace of a training with a budget', () => {
  const facts = { totalUpdates: 400, updatesPerEpoch: 100, validationSeconds: 5, mayStretch: true };
  /** Image sizes double by half of the epochs. */
  const area: PaceFacts['area'] = (epoch) => (epoch < 2 ? 0.25 : 1);

  /** Seconds of a training on a machine that takes `secondsOf(time)` for an update at the final size. */
  function train(budget: number, secondsOf: (time: number) => number, mayStretch = true) {
    let pace: Pace = { position: 0, updates: 0 };
    let time = 0;
    const positions = [0];
    while (pace.position < facts.totalUpdates) {
      const updateSeconds = secondsOf(time);
      time += updateSeconds * area(Math.floor(pace.position / 100));
      pace = advance(pace, budget - time - facts.validationSeconds, { ...facts, updateSeconds, area, mayStretch });
      positions.push(pace.position);
      if (pace.updates % facts.updatesPerEpoch === 0) time += facts.validationSeconds;
    }
    return { time: time + facts.validationSeconds, updates: pace.updates, positions };
  }

  test('is the planned one if the speed is as expected', () => {
    // 200 updates at a quarter, 200 whole, and four validations.
    const { time, updates } = train(250 + 20, () => 1);
    assert.ok(Math.abs(updates - 400) <= 4, `${updates}`);
    assert.ok(Math.abs(time - 270) < 3, `${time}`);
  });

  test('ends in time, at the end of the schedule, however the speed changes', () => {
    const changes: Record<string, (time: number) => number> = {
      'half the speed': () => 2,
      'twice the speed': () => 0.5,
      'a slow second half': (time) => (time > 100 ? 3 : 1),
      'a fast second half': (time) => (time > 100 ? 0.3 : 1),
      'a busy hour now and then': (time) => (Math.floor(time / 40) % 2 === 0 ? 1 : 2.5),
    };
    for (const [what, secondsOf] of Object.entries(changes)) {
      const { time, positions } = train(270, secondsOf);
      assert.ok(Math.abs(time - 270) < 0.05 * 270, `${what}: ${time}`);
      assert.equal(positions.at(-1), facts.totalUpdates);
      assert.ok(positions.every((position, i) => i === 0 || position > positions[i - 1]!));
    }
  });

  test('ends early if more epochs would gain little', () => {
    const { time, updates } = train(1000, () => 1, false);
    assert.equal(updates, 400);
    assert.equal(time, 275);
  });

  test('ends at once when the time is over', () => {
    assert.deepEqual(advance({ position: 7, updates: 7 }, -1, { ...facts, updateSeconds: 1, area }), {
      position: facts.totalUpdates,
      updates: 8,
    });
  });
});
