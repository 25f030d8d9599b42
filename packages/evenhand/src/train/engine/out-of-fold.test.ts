import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { RunFolder } from '../../run/index.js';
import { ConfigError } from '../config/field.js';
import { drawImages } from './images.test.helper.js';
import { TestRuns } from './training.test.helper.js';

const runs = await TestRuns.open();
after(runs.remove);

/** 28 images of each of three colours, of which twelve have the label of another. */
const noisy = join(runs.root, 'noisy');
const COLOURS = ['red', 'green', 'blue'];
const moved = (file: string): boolean => file.includes('from-');

const values = {
  data: noisy,
  model: 'efficientnet_mini',
  weights: 'pretrained',
  labelNoise: 'auto',
  folds: 2,
  fold: 'all',
  headEpochs: 1,
  headPasses: 4,
  epochs: 0,
  imageSize: 64,
  batchSize: 16,
};

before(async () => {
  await drawImages(noisy, 28);
  for (const [c, from] of COLOURS.entries()) {
    for (let i = 0; i < 4; i++) {
      const to = COLOURS[(c + 1 + (i % 2)) % 3]!;
      renameSync(join(noisy, from, `${i}.png`), join(noisy, to, `from-${from}-${i}.png`));
    }
  }
});

describe('a cross-validation on noisy labels', () => {
  test('judges all training labels by held-out predictions, and scores against those of pretrained features', async () => {
    const { outOfFold, events } = await runs.go('first', values);
    const labels = RunFolder.open(runs.path('first')).readLabels();
    assert.equal(labels.length, 84);
    assert.ok(labels.every(({ part, wrong }, i) => part === 'train' && (i === 0 || wrong <= labels[i - 1]!.wrong)));
    const found = labels.filter(({ wrong }) => wrong > 0.5);
    assert.ok(found.filter(({ file }) => moved(file)).length >= 10, `${found.map(({ file }) => file)}`);
    assert.ok(found.filter(({ file }) => !moved(file)).length <= 2);
    assert.ok(outOfFold!.macroF1Posterior! > outOfFold!.macroF1);
    const notes = events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
    assert.match(notes.join('\n'), /Labels judged again with the held-out predictions: \d+\.\d % are probably wrong/);
  });

  test('gives its judgement to a second round', async () => {
    const { events } = await runs.go('second', { ...values, labelNoise: runs.path('first') });
    const first = new Map(
      RunFolder.open(runs.path('first'))
        .readLabels()
        .map(({ file, posterior }) => [file, posterior]),
    );
    for (const fold of RunFolder.open(runs.path('second')).folds()) {
      const train = fold.readLabels().filter(({ part }) => part === 'train');
      assert.equal(train.length + fold.readPredictions().length, 84);
      for (const { file, posterior } of train) assert.deepEqual(posterior, first.get(file));
    }
    const notes = events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
    assert.match(notes.join('\n'), /as judged by .*first: \d+\.\d % are probably wrong; training on noise-robust/);
  });

  test('a run that has judged other labels is refused', async () => {
    await assert.rejects(
      runs.go('third', { ...values, data: runs.photos, labelNoise: runs.path('first'), folds: 0, fold: 0 }),
      (error) => error instanceof ConfigError && /has judged none of the labels of/.test(error.message),
    );
  });
});
