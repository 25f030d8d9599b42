import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { plural } from '../../format.js';
import type { EpochMetrics } from '../../run/index.js';
import type { Progress } from '../../train/index.js';
import { judgeValidation } from '../../train/index.js';
import { csv } from '../output/files.js';
import { bar, duration, quoted, table, wrap } from '../output/text.js';
import { epochHeader, epochLine, progressLine } from './display.js';

const progress: Progress = {
  type: 'progress',
  stage: 'full',
  epoch: 3,
  epochs: 20,
  done: 1312,
  total: 2646,
  imagesPerSecond: 13.42,
  loss: 1.2345,
  learningRate: 9.8e-5,
};

describe('the display of a training', () => {
  test('has a progress line with speed, loss, learning rate and time left that fits the terminal', () => {
    const facts = ' 49 %  13.4 img/s  loss 1.234  lr 9.8e-5  left 1:39 (total 57:28)';
    assert.equal(progressLine(progress, 197, 0), `full 3/20  ${facts.trimStart()}`);
    for (const width of [40, 80, 100, 200]) {
      const line = progressLine(progress, 197, width);
      assert.ok(line.endsWith(facts.trimStart()), line);
      if (width >= 80) assert.ok(line.length < width, line);
    }
    assert.match(progressLine(progress, 197, 120), /█+·+/);
  });

  test('shows no time left before there is a speed, and no loss if nothing is trained', () => {
    const { loss: _, learningRate: __, ...rest } = progress;
    const line = progressLine(
      { ...rest, stage: 'scan', epoch: 0, epochs: 0, imagesPerSecond: 0, done: 0 },
      undefined,
      0,
    );
    assert.equal(line, 'reading images   0 %  0.0 img/s');
  });

  const metrics: EpochMetrics = {
    phase: 'full',
    epoch: 3,
    size: 224,
    trainLoss: 1.2345,
    backboneRate: 1e-5,
    headRate: 1e-4,
    valLoss: 0.9,
    accuracy: 0.741,
    balancedAccuracy: 0.7,
    macroF1: 0.713,
    macroF1Low: 0.68,
    macroF1High: 0.745,
    macroF1Present: 0.72,
    numClasses: 102,
    numPresent: 99,
    seconds: 197.4,
    imagesPerSecond: 13.4,
    peakMemoryMB: 900,
    best: true,
  };

  test('is a table within 80 columns, which says how many classes Macro F1 averages', () => {
    const lines = [epochHeader(metrics), epochLine(metrics, 20), epochLine({ ...metrics, best: false }, 20)];
    assert.deepEqual(lines, [
      'phase epoch   px    loss     val   Macro F1 (102 classes) accuracy img/s    time',
      'full   3/20  224  1.2345  0.9000   * 0.713 [0.680, 0.745]    0.741  13.4    3:17',
      'full   3/20  224  1.2345  0.9000     0.713 [0.680, 0.745]    0.741  13.4    3:17',
    ]);
  });

  test('shows the score against posterior labels, which chooses the checkpoint, beside that against given labels', () => {
    const noisy = { ...metrics, macroF1Posterior: 0.9, macroF1PosteriorLow: 0.88, macroF1PosteriorHigh: 0.93 };
    assert.deepEqual(
      [epochHeader(noisy), epochLine(noisy, 20)],
      [
        'phase epoch   px    loss   given   F1 vs posterior labels accuracy img/s    time',
        'full   3/20  224  1.2345   0.713   * 0.900 [0.880, 0.930]    0.741  13.4    3:17',
      ],
    );
  });
});

describe('the verdict on the validation images', () => {
  const samples = (counts: readonly number[]) =>
    counts.flatMap((n, label) => Array.from({ length: n }, (_, i) => ({ file: `${label}/${i}`, label })));
  const classes = ['a', 'b', 'c', 'd'];

  test('names remedies, each with the interval it would give', () => {
    const verdict = judgeValidation({ classes, train: samples([400, 400, 400, 400]), val: samples([3, 2, 0, 0]) });
    assert.equal(verdict.canChooseCheckpoint, false);
    assert.match(verdict.verdict, /^5 images of 2 classes cannot choose a checkpoint/);
    assert.match(verdict.verdict, /It does not cover the 2 classes without validation images\.$/);
    assert.deepEqual(
      verdict.remedies.map(({ flags, images }) => [flags, images]),
      [
        ['--val-fraction 0.15', 240],
        ['--folds 5 --fold 0', 320],
      ],
    );
    for (const { intervalWidth } of verdict.remedies) assert.ok(intervalWidth < verdict.intervalWidth!);
  });

  test('is good if there are enough images, and then has no remedy', () => {
    const verdict = judgeValidation({ classes, train: samples([9, 9, 9, 9]), val: samples([99, 99, 99, 99]) });
    assert.deepEqual([verdict.canChooseCheckpoint, verdict.remedies], [true, []]);
    assert.match(verdict.verdict, /^396 images of 4 classes can choose a checkpoint/);
  });

  test('says so if there are none, without an invented number', () => {
    const verdict = judgeValidation({ classes, train: samples([1, 0, 0, 0]), val: [] });
    assert.deepEqual([verdict.intervalWidth, verdict.canChooseCheckpoint, verdict.remedies], [null, false, []]);
    assert.match(verdict.verdict, /no validation images/);
  });
});

describe('text', () => {
  test('is wrapped after its indent and its start', () => {
    assert.equal(wrap('one two three', { width: 9, indent: 2 }), '  one two\n  three');
    assert.equal(wrap('one two', { width: 12, indent: 4, prefix: 'a' }), 'a   one two');
    assert.equal(wrap('one two', { width: 12, indent: 4, prefix: 'long' }), 'long\n    one two');
    assert.equal(wrap('unbreakable', { width: 4 }), 'unbreakable');
  });

  test('shows numbers, durations and shares', () => {
    assert.deepEqual([plural(1, 'class', 'classes'), plural(3113, 'image')], ['1 class', '3,113 images']);
    assert.deepEqual([0, 65.4, 7261, -3].map(duration), ['0:00', '1:05', '2:01:01', '0:00']);
    assert.deepEqual([bar(0.5, 4), bar(7, 2), bar(-1, 2, '·')], ['██  ', '██', '··']);
    assert.equal(
      table(
        [
          ['a', '10'],
          ['bcd', '9'],
        ],
        [1],
      ),
      'a    10\nbcd   9',
    );
  });

  test('can be pasted into a shell or read as CSV', () => {
    assert.deepEqual(['runs/a-1', 'my run', "it's"].map(quoted), ['runs/a-1', "'my run'", "'it'\\''s'"]);
    assert.equal(quoted("a'\u001b[2J\n"), "$'a\\'\\x1b[2J\\n'");
    assert.equal(
      csv([
        ['a', 1],
        ['b, "c"', 0.5],
      ]),
      'a,1\n"b, ""c""",0.5\n',
    );
  });
});
