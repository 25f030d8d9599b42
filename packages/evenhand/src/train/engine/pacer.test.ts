import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TrainingContext } from './context.js';
import { Pacer } from './pacer.js';
import type { TrainingState } from './state.js';
import { TimeBudget } from './time-budget.js';

const UPDATES_PER_EPOCH = 60;
const BATCH = 16;
const VALS = [50, 400];
const SECONDS = 600;

/**
 * Trains on a machine that needs `secondsOf(time)` for a pass of one image without gradients, with a new head at the end.
 * Returns the seconds of the whole.
 */
function train(val: number, secondsOf: (time: number) => number): number {
  let time = 0;
  const epochs = 8;
  const train = BATCH * UPDATES_PER_EPOCH;
  const forwardRate = 1 / secondsOf(0);
  const plan = { epochs, startSize: 0, seconds: SECONDS, isLongest: false };
  const budget = new TimeBudget(`${SECONDS}s`, 0, undefined, () => 1000 * time);
  const context = {
    config: { epochs, batchSize: BATCH, accumulate: 1, startSize: 0, newHeadEpochs: 2, average: 1, labelNoise: 'off' },
    data: { train: { length: train }, val: { length: val } },
    preset: { crop: 224 },
    budget,
  } as unknown as TrainingContext;
  const state = { position: { budget: { used: 0, forwardRate, plan } }, labels: null } as unknown as TrainingState;
  const pacer = new Pacer(context, state, UPDATES_PER_EPOCH, () => 1000 * time);
  while (!pacer.isOver) {
    pacer.beginPass();
    for (let update = 0; update < UPDATES_PER_EPOCH && !pacer.isOver; update++) {
      time += 3 * BATCH * secondsOf(time);
      pacer.countUpdate(224);
    }
    const seconds = val * secondsOf(time);
    time += seconds;
    pacer.validationTook(seconds);
  }
  for (let image = 0; image < 2 * train + val; image++) time += secondsOf(time);
  return time;
}

describe('the pace of a full phase with a budget', () => {
  const usable = 0.99 * SECONDS - 6;
  const speed = 1 / 50;
  for (const [what, secondsOf] of Object.entries({
    'at one speed': () => speed,
    'beside a program that ends': (time: number) => (time < 200 ? 2.5 * speed : speed),
    'beside a program that begins': (time: number) => (time < 200 ? speed : 2.5 * speed),
  })) {
    test(`leaves the time that a new head needs, ${what}`, () => {
      for (const val of VALS) {
        const seconds = train(val, secondsOf);
        assert.ok(Math.abs(seconds - usable) < 0.02 * SECONDS, `${val} validation images: ${seconds}`);
      }
    });
  }
});
