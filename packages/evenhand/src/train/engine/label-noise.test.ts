import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { liveTensors } from '@evenhand/torch';
import { RunFolder } from '../../run/index.js';
import { ConfigError } from '../config/field.js';
import { drawImages, sha256 } from './images.test.helper.js';
import { TestRuns, tensorHash } from './training.test.helper.js';

const runs = await TestRuns.open();
after(runs.remove);

/** 28 images of each of three colours to train on and 20 to validate on; of each part twelve have the label of another. */
const noisy = join(runs.root, 'noisy');
const SIX = [
  ['red', 'green'],
  ['green', 'blue'],
  ['blue', 'red'],
  ['red', 'blue'],
  ['green', 'red'],
  ['blue', 'green'],
] as const;
const MOVED = [...SIX, ...SIX];

before(async () => {
  await drawImages(join(noisy, 'train'), 28);
  await drawImages(join(noisy, 'val'), 20, 1);
  for (const part of ['train', 'val']) {
    for (const [i, [from, to]] of MOVED.entries()) {
      renameSync(join(noisy, part, from, `${i}.png`), join(noisy, part, to, `from-${from}-${i}.png`));
    }
  }
});

const values = {
  data: noisy,
  model: 'efficientnet_mini',
  weights: 'pretrained',
  labelNoise: 'auto',
  headEpochs: 1,
  headPasses: 2,
  epochs: 2,
  imageSize: 64,
  batchSize: 16,
};

const moved = (file: string): boolean => file.includes('from-');

describe('training on noisy labels', () => {
  before(() => runs.go('reference', values));

  test('finds the label errors and trains on soft labels', async () => {
    const { events } = await runs.go('told', { ...values, epochs: 0 });
    const notes = events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
    assert.match(
      notes.join('\n'),
      /Training labels: \d+\.\d % \[.*\] are probably wrong; training on noise-robust soft labels/,
    );
    assert.match(
      notes.join('\n'),
      /Validation labels: .* they are kept, but Macro F1 against posterior labels selects/,
    );
    const labels = RunFolder.open(runs.path('told')).readLabels();
    assert.equal(labels.length, 84 + 60);
    assert.ok(
      labels.every(({ wrong }, i) => i === 0 || wrong <= labels[i - 1]!.wrong),
      'the most probably wrong first',
    );
    const found = labels.filter(({ wrong }) => wrong > 0.5);
    assert.ok(found.filter(({ file }) => moved(file)).length >= 20, `${found.map(({ file }) => file)}`);
    assert.ok(found.filter(({ file }) => !moved(file)).length <= 2);
    for (const { file, suggested } of found.filter(({ file }) => moved(file)))
      assert.ok(file.includes(`from-${suggested}`));
    for (const { posterior, given, wrong } of labels) {
      assert.ok(Math.abs((posterior[given] ?? 0) - (1 - wrong)) < 2e-3);
    }
  });

  test('reports Macro F1 on given and on posterior labels, and selects the checkpoint by the latter', () => {
    const epochs = RunFolder.open(runs.path('reference')).readEpochs();
    assert.equal(epochs.length, 3);
    for (const { macroF1, macroF1Posterior, macroF1PosteriorLow, macroF1PosteriorHigh } of epochs) {
      assert.notEqual(macroF1Posterior, macroF1);
      assert.ok(macroF1PosteriorLow! <= macroF1Posterior! && macroF1Posterior! <= macroF1PosteriorHigh!);
    }
    let best = Number.NEGATIVE_INFINITY;
    for (const epoch of epochs) {
      assert.ok(epoch.best ? epoch.macroF1Posterior! >= best : epoch.macroF1Posterior! <= best);
      best = Math.max(best, epoch.macroF1Posterior!);
    }
    // Validation rows keep the labels that they were given.
    const rows = RunFolder.open(runs.path('reference')).readPredictions();
    assert.ok(rows.every(({ file, label }) => file.includes(`/${label}/`)));
  });

  test('gives the same bits after interruptions', async () => {
    const before = liveTensors();
    let features = 0;
    const stops = [
      // Labels are judged by a pass over the training images and one over those to validate on.
      (stage: string) => stage === 'features' && ++features === 2,
      (stage: string, epoch: number, done: number) => stage === 'full' && epoch === 1 && done >= 16,
      // Before the second epoch of the full phase they are judged anew.
      (stage: string, epoch: number) => stage === 'features' && epoch === 2,
      (stage: string, epoch: number, done: number) => stage === 'full' && epoch === 2 && done >= 16,
    ];
    for (const stop of stops) {
      const { interrupted } = await runs.go('interrupted', values, ({ stage, epoch, done }) =>
        stop(stage, epoch, done),
      );
      assert.equal(interrupted, true);
    }
    await runs.go('interrupted');
    assert.deepEqual(runs.epochs('interrupted'), runs.epochs('reference'));
    for (const file of ['best.safetensors', 'predictions.jsonl', 'labels.jsonl']) {
      assert.equal(sha256(join(runs.path('interrupted'), file)), sha256(join(runs.path('reference'), file)), file);
    }
    assert.equal(tensorHash(runs.state('interrupted')), tensorHash(runs.state('reference')));
    assert.equal(liveTensors(), before);
  });

  test('works with MixUp, label smoothing, the focal loss and class balance', async () => {
    for (const balance of ['weighted-loss', 'balanced-softmax']) {
      const more = {
        balance: [balance],
        loss: 'focal',
        mixProbability: 1,
        labelSmoothing: 0.1,
        headEpochs: 0,
        epochs: 1,
      };
      const { epochs } = await runs.go(balance, { ...values, ...more });
      assert.ok(epochs.every(({ trainLoss }) => Number.isFinite(trainLoss)));
    }
  });

  test('needs a pretrained backbone', () => {
    assert.throws(
      () => runs.config({ ...values, weights: 'none', headEpochs: 0 }),
      (error) => error instanceof ConfigError && /labelNoise is auto.*weights is none/.test(error.message),
    );
  });
});

describe('training on clean labels', () => {
  test('takes them as given, says so, and gives the same weights as without judging', async () => {
    const clean = { ...values, data: runs.photos, epochs: 1 };
    const { events } = await runs.go('clean', clean);
    const notes = events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
    assert.match(notes.join('\n'), /no sign of label errors.*they are taken as given/);
    await runs.go('unasked', { ...clean, labelNoise: 'off' });
    assert.equal(sha256(runs.best('clean')), sha256(runs.best('unasked')));
    assert.deepEqual(runs.epochs('clean'), runs.epochs('unasked'));
    assert.deepEqual(RunFolder.open(runs.path('unasked')).readLabels(), []);
  });
});

describe('corrections', () => {
  test('change, confirm and drop labels, and confirmed labels are trusted', async () => {
    const file = join(runs.root, 'corrections.csv');
    const rows = [
      'train/green/from-red-0.png,green,accept,red',
      'train/blue/from-green-1.png,blue,keep,blue',
      'train/red/from-blue-2.png,red,drop,',
    ];
    writeFileSync(file, `file,given,verdict,label\n${rows.join('\n')}\n`);
    const { events } = await runs.go('corrected', { ...values, corrections: file, epochs: 0 });
    assert.ok(
      events.some(
        (event) =>
          event.type === 'note' && event.text === 'Corrections: 1 label changed, 1 confirmed, 1 image removed.',
      ),
    );
    const labels = new Map(
      RunFolder.open(runs.path('corrected'))
        .readLabels()
        .map((row) => [row.file, row]),
    );
    assert.deepEqual(
      [labels.get('train/green/from-red-0.png')!.given, labels.get('train/green/from-red-0.png')!.wrong],
      ['red', 0],
    );
    assert.equal(labels.get('train/blue/from-green-1.png')!.wrong, 0);
    assert.equal(labels.has('train/red/from-blue-2.png'), false);
  });
});
