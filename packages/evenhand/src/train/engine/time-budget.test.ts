import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { TrainEvent } from '../events.js';
import { type Position, readPosition } from './state.js';
import { type BudgetShare, TimeBudget } from './time-budget.js';
import { TestRuns } from './training.test.helper.js';

const runs = await TestRuns.open();
after(runs.remove);

const notesOf = (events: readonly TrainEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
const positionOf = (name: string): Position => readPosition(runs.state(name))!;

describe('a training with a budget', () => {
  const values = { weights: runs.start, headEpochs: 2, headPasses: 1, epochs: 1 };

  test('that has time for more trains three times the epochs, interrupted or not, to a rate of zero', async () => {
    const { interrupted, events } = await runs.go(
      'ample',
      { ...values, budget: '5m' },
      ({ stage, epoch, done }) => stage === 'full' && epoch === 2 && done >= 8,
    );
    assert.equal(interrupted, true);
    assert.ok(notesOf(events).some((text) => /; more would gain little, --fold all would train several/.test(text)));
    const stopped = positionOf('ample');
    assert.equal(stopped.budget!.pace!.updates, 3 * stopped.epoch + stopped.step);
    const { epochs } = await runs.go('ample');
    assert.deepEqual(
      epochs.map(({ phase }) => phase),
      ['head', 'head', 'full', 'full', 'full'],
    );
    assert.equal(epochs.at(-1)!.headRate, 0);
    const { used, plan, pace } = positionOf('ample').budget!;
    assert.ok(used > stopped.budget!.used && used < 300);
    assert.deepEqual([plan!.epochs, plan!.isLongest, pace!.updates], [3, true, 9]);
  });

  test('has one epoch of the head if a new one takes its place', async () => {
    const { epochs } = await runs.go('new-head', { ...values, budget: '5m', newHeadEpochs: 1 });
    assert.deepEqual(
      epochs.map(({ phase }) => phase),
      ['head', 'full', 'full', 'full', 'new-head'],
    );
  });

  test('without time for the whole network trains one epoch of the head, and says so', async () => {
    const { epochs, events } = await runs.go('short', { ...values, budget: '0.1s' });
    assert.deepEqual(
      epochs.map(({ phase }) => phase),
      ['head'],
    );
    assert.ok(
      notesOf(events).some((text) => /^Budget of 0\.1s: it was used up before .* the head alone is; fewer/.test(text)),
    );
  });

  test('counts the time before an interruption', () => {
    let now = 1000;
    const position = { budget: { used: 30 } } as Position;
    const budget = new TimeBudget('100s', 1000, undefined, () => now);
    now = 11_000;
    assert.equal(budget.left(position), 100 - 1 - 6 - 40);
    assert.equal(position.budget!.used, 40);
  });

  test('is divided among the folds when their full phase begins, which have the plan of the first', () => {
    let now = 0;
    const plan = { epochs: 4, startSize: 160, seconds: 20, isLongest: false };
    const [first, second] = [{}, {}] as [Position, Position];
    const clock = (position: Position, share: BudgetShare) => {
      const budget = new TimeBudget('104s', now, share, () => now);
      budget.note(position);
      return budget;
    };
    const ofFirst = clock(first, { used: 0, later: 2 });
    now = 10_000;
    // 1 % and 6 seconds are kept, and the first has used 10 seconds.
    const left = 104 * 0.99 - 6 - 10;
    assert.ok(Math.abs(ofFirst.left(first) - left) < 1e-9);
    // Of the 10 seconds, 8 are for features that all share.
    first.budget!.features = 8;
    ofFirst.divide(first);
    assert.ok(Math.abs(ofFirst.left(first) - (left - 2 * 2) / 3) < 1e-9);
    Object.assign(first.budget!, { plan, forwardRate: 80, headEpochs: 2 });
    now = 20_000;
    ofFirst.note(first);

    const ofSecond = clock(second, { used: first.budget!.used, later: 1, first: first.budget });
    assert.deepEqual(second.budget, { used: 0, plan, forwardRate: 80, headEpochs: 2 });
    now = 24_000;
    ofSecond.divide(second);
    const half = (left - 14 - 4) / 2;
    assert.ok(Math.abs(ofSecond.left(second) - half) < 1e-9);
    now = 25_000;
    ofSecond.divide(second);
    assert.ok(Math.abs(ofSecond.left(second) - (half - 1)) < 1e-9, 'once');

    const third = {} as Position;
    const ofThird = clock(third, { used: 50, later: 0, checked: 160, first: first.budget });
    assert.ok(Math.abs(ofThird.left(third) - (104 * 0.99 - 6 - 50 - 160 / 80)) < 1e-9, 'the check of the model');
  });
});
