import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JudgedLabel } from '../../../run/index.js';
import { epoch, prediction, runOf, twelve } from '../test-runs.test.helper.js';
import { analyseRun, compareByFrequency, confidentMistakes, confusedPairs } from './analyse-run.js';
import { seriate } from './seriation.js';
import { SupportScale } from './support-scale.js';

describe('seriation', () => {
  const orderOf = (rows: readonly (readonly number[])[]): number[] =>
    seriate(Float64Array.from(rows.flat()), rows.length);

  test('puts similar classes side by side, and similar groups next to each other', () => {
    // A path 0 - 3 - 1 - 4 - 2 of falling similarity has one order, from either end.
    const path = [0, 3, 1, 4, 2];
    const rows = path.map((_, i) => path.map((__, j) => 1 / (1 + Math.abs(path.indexOf(i) - path.indexOf(j)))));
    const order = orderOf(rows).join('');
    assert.ok(order === '03142' || order === '24130', order);
  });

  test('keeps every class once if none are similar, and if there are one or two', () => {
    assert.deepEqual(orderOf(Array.from({ length: 6 }, () => [0, 0, 0, 0, 0, 0])).sort(), [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(
      [
        orderOf([[1]]),
        orderOf([
          [1, 0],
          [0, 1],
        ]),
      ],
      [[0], [0, 1]],
    );
  });

  test('refuses what is not a matrix', () => {
    assert.throws(() => seriate(new Float64Array(5), 2), /similarity must be \[K,K\]; got 5 values for 2 classes/);
  });
});

describe('the analysis of a run', () => {
  test('counts, and puts the most confident mistakes and the most confused pairs first', () => {
    const { scores } = analyseRun(runOf({ predictions: twelve }));
    assert.deepEqual([...scores!.matrix.counts], [4, 0, 0, 0, 4, 1, 2, 0, 1]);
    assert.deepEqual(
      confidentMistakes(scores!.images).map(({ id }) => id),
      [10, 11, 9],
    );
    assert.deepEqual(
      confusedPairs(scores!.matrix, 9).map(({ a, b, count }) => [a, b, count]),
      [
        [0, 2, 2],
        [1, 2, 1],
      ],
    );
  });

  test('has bins that contain every image once and add up to the calibration error', () => {
    const { scores } = analyseRun(runOf({ predictions: twelve }));
    const { bins, error } = scores!.calibration.raw;
    assert.equal(bins.length, 15);
    const filled = bins.filter(({ count }) => count > 0);
    assert.equal(
      filled.reduce((sum, { count }) => sum + count, 0),
      12,
    );
    const gap = filled.reduce((sum, bin) => sum + (bin.count * Math.abs(bin.accuracy - bin.confidence)) / 12, 0);
    assert.ok(Math.abs(gap - error) < 1e-12);
  });

  test('leaves out and counts logits that are not finite and unknown labels', () => {
    const bad = [
      { ...prediction('a', 'a'), logits: [Number.NaN, 0, 0] },
      { ...prediction('a', 'a'), logits: [1, 2] },
      prediction('z', 'a'),
    ];
    const { scores, unusable } = analyseRun(runOf({ predictions: [...bad, ...twelve] }));
    assert.deepEqual([scores!.images.length, unusable], [12, 3]);
    assert.equal(scores!.images[0]!.id, 3);
    const unusableOnly = analyseRun(runOf({ predictions: bad }));
    assert.deepEqual([unusableOnly.scores, unusableOnly.unusable], [null, 3]);
  });
});

describe('the scale of supports', () => {
  test('has steps with about equally many classes, in colours as different as possible', () => {
    const scale = new SupportScale([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert.deepEqual(
      scale.legend().map(({ text }) => text),
      ['1 to 2', '3 to 4', '5 to 6', '7 to 8', '9 to 10'],
    );
    assert.deepEqual(
      [1, 2, 3, 10].map((n) => scale.stepOf(n)),
      [0, 0, 1, 4],
    );
    assert.deepEqual(new SupportScale([6, 6, 6]).legend(), [{ step: 3, text: '6' }]);
    assert.deepEqual(
      new SupportScale([1, 9]).legend().map(({ step }) => step),
      [0, 4],
    );
  });
});

describe('label errors judged by a run', () => {
  const judged = (file: string, given: string, wrong: number, part: 'train' | 'val'): JudgedLabel => ({
    file,
    part,
    given,
    wrong,
    suggested: 'a',
    suggestedProbability: wrong,
    posterior: {},
  });

  test('are counted in training, and joined to the predictions of validation images', () => {
    const labels = [
      judged('t.jpg', 'b', 0.9, 'train'),
      judged('u.jpg', 'b', 0.2, 'train'),
      judged('c/a-5.jpg', 'c', 0.8, 'val'),
    ];
    const analysis = analyseRun(runOf({ predictions: twelve, labels }));
    assert.deepEqual(analysis.labels, { images: 2, likelyErrors: 1 });
    const images = analysis.scores!.images.filter(({ labelWrong }) => labelWrong !== undefined);
    assert.deepEqual(
      images.map(({ file, labelWrong }) => [file, labelWrong]),
      [['c/a-5.jpg', 0.8]],
    );
  });

  // The exported model's decision is fitted to likely labels then; the report described another decision.
  test('change the labels that the decision is fitted to, if validation labels are noisy', () => {
    const predictions = Array.from({ length: 30 }, (_, i) => prediction('b', i < 15 ? 'a' : 'b', 3));
    const labels = [judged('b/a-3.jpg', 'b', 0.99, 'val')];
    const posterior = { macroF1Posterior: 0.9, macroF1PosteriorLow: 0.8, macroF1PosteriorHigh: 1 };
    const temperatureOf = (epochs: readonly (typeof epoch)[]): number =>
      analyseRun(runOf({ predictions, labels, epochs })).scores!.decision.rule.temperature;
    assert.ok(temperatureOf([epoch]) > 1, 'half of the predictions are wrong: overconfident');
    assert.ok(temperatureOf([{ ...epoch, ...posterior }]) < 1, 'all agree with the likely labels: underconfident');
  });
});

describe('the comparison of rare and frequent classes', () => {
  test('has the mean F1 of both thirds, among classes with validation images', () => {
    const classes = ['a', 'b', 'c', 'd'];
    const predictions = [
      prediction('a', 'a', 2, classes),
      prediction('b', 'c', 2, classes),
      prediction('c', 'c', 2, classes),
    ];
    const analysis = analyseRun(runOf({ classes, predictions, classCounts: [5, 20, 90, 1] }));
    assert.deepEqual(compareByFrequency(analysis), { rare: 1, frequent: 2 / 3 });
  });

  test('is left out without training counts, with equal counts, and with two classes', () => {
    for (const classCounts of [undefined, [4, 4, 4]]) {
      const parts = classCounts === undefined ? {} : { classCounts };
      assert.equal(compareByFrequency(analyseRun(runOf({ predictions: twelve, ...parts }))), null);
    }
    const two = { classes: ['a', 'b'], predictions: [prediction('a', 'b', 1, ['a', 'b'])], classCounts: [1, 9] };
    assert.equal(compareByFrequency(analyseRun(runOf(two))), null);
  });
});
