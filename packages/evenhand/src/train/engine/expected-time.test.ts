import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TrainEvent } from '../events.js';
import type { TrainingContext } from './context.js';
import { ExpectedTime, remainingCost, roughDuration } from './expected-time.js';
import { smallConfig } from './images.test.helper.js';
import { TrainingState } from './state.js';

const samples = (n: number) => Array.from({ length: n }, (_, i) => ({ file: `${i}.jpg`, label: 0 }));

function begin(values: Record<string, unknown>) {
  const events: TrainEvent[] = [];
  const config = smallConfig('/photos', { weights: 'pretrained', imageSize: 64, ...values });
  const data = { train: samples(1000), val: samples(100) };
  const preset = { crop: config.imageSize };
  const context = {
    config,
    data,
    preset,
    onEvent: (event: TrainEvent) => events.push(event),
  } as unknown as TrainingContext;
  return { context, state: TrainingState.start(config), events };
}

describe('the expected time', () => {
  test('counts passes over the images, and three for a training step', () => {
    const { context, state } = begin({ headEpochs: 2, epochs: 3 });
    assert.equal(remainingCost(context, state, 'features', 0), 100 + 2 * 1000 + 3 * (3 * 1000 + 100));
    assert.equal(remainingCost(context, state, 'features', 600), 100 + 2 * 1000 + 3 * (3 * 1000 + 100) - 600);
    Object.assign(state.position, { phase: 'full', epoch: 2 });
    assert.equal(remainingCost(context, state, 'full', 500), 3 * 500 + 100);
  });

  test('knows that small images cost less', () => {
    const { context, state } = begin({ headEpochs: 0, epochs: 2, startSize: 32 });
    assert.equal(remainingCost(context, state, 'full', 0), (3 * 1000) / 4 + 100 + 3 * 1000 + 100);
  });

  test('is reported once per stage, when the speed is known', () => {
    const { context, state, events } = begin({ headEpochs: 0, epochs: 1 });
    const expected = new ExpectedTime();
    const report = (seconds: number) =>
      expected.report(context, state, 'full', { done: 40, imagesPerSecond: 4, seconds });
    report(5);
    assert.equal(events.length, 0);
    report(11);
    report(12);
    // 960 images at 4 per second, and 100 without gradients at 12 per second.
    assert.deepEqual(events, [
      { type: 'note', text: `Expected time for the rest of the training: about ${roughDuration(240 + 100 / 12)}.` },
    ]);
  });

  test('is rounded', () => {
    assert.deepEqual([3, 44, 600, 5000, 7200, 50_000].map(roughDuration), [
      '10 seconds',
      '40 seconds',
      '10 minutes',
      '83 minutes',
      '2 hours',
      '14 hours',
    ]);
  });
});
