import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ImageError, ModelError, NotDone, type Prediction } from '@evenhand/predict';
import { describeOutput, Tally } from './tally.js';

const prediction = (views: number, members = 1): Prediction => ({
  label: 'cat',
  probability: 1,
  top: [],
  probabilities: Float64Array.of(1),
  logits: Float64Array.of(0),
  views,
  members,
});

test('a tally of predictions with all views has nothing to say', () => {
  const tally = new Tally(0);
  assert.equal(tally.empty, true);
  for (let i = 0; i < 3; i++) tally.add(prediction(2));
  assert.deepEqual([tally.describe(2, 1, 'cat'), tally.incomplete, tally.empty], [[], false, false]);
});

test('a tally says what images were assigned a class or got fewer views', () => {
  const tally = new Tally(1);
  assert.equal(tally.incomplete, true, 'because of an image before the interruption');
  for (const views of [4, 1, 4]) tally.add(prediction(views));
  tally.add(new NotDone());
  tally.add(new ImageError('a.jpg', 'it is empty'));
  tally.add(new ModelError('m.onnx: logit 0 is NaN'));
  assert.deepEqual(tally.describe(4, 1, 'cat\n'), [
    'Because of the time limit: 2 images with 4 views, 1 image with 1 view (4 requested).',
    'There was no time for 1 image, which was assigned the most frequent class, cat\\n.',
    '3 images could not be predicted and were assigned the most frequent class, cat\\n.',
  ]);
});

test('a tally says which images got fewer networks of an ensemble', () => {
  const tally = new Tally(0);
  for (const [views, members] of [[2, 5], [1, 5], [1, 3], [1, 5]] as const) tally.add(prediction(views, members)); // biome-ignore format: one line
  assert.deepEqual(tally.describe(2, 5, 'cat'), [
    'Because of the time limit: 1 image with 2 views by 5 networks, 2 images with 1 view by 5 networks, 1 image with 1 view by 3 networks (2 by 5 networks requested).',
  ]);
});

test('the output is described with its speed and its files', () => {
  assert.deepEqual(describeOutput(30, 10, 'cpu', { out: 'my p.csv', probs: 'q.csv' }), [
    'Predicted 30 images in 0:10 (3.0 images/s) on cpu.',
    "Wrote 'my p.csv' and the probabilities, q.csv.",
  ]);
  assert.deepEqual(describeOutput(1, 0, undefined, { out: 'p.csv', probs: undefined }), [
    'Predicted 1 image in 0:00.',
    'Wrote p.csv.',
  ]);
});
