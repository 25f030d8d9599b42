import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { RunError, RunFolder } from '../run/index.js';
import { drawImages } from '../train/engine/images.test.helper.js';
import { TestRuns, withoutLeak } from '../train/engine/training.test.helper.js';
import { ConfigError } from '../train/index.js';
import { evaluate } from './evaluate.js';

const runs = await TestRuns.open();
after(runs.remove);

describe('evaluate', () => {
  before(() => runs.go('scratch', { epochs: 2 }));
  const refused = (
    options: Parameters<typeof evaluate>[0],
    kind: typeof ConfigError | typeof RunError,
    message: RegExp,
  ) =>
    withoutLeak(() =>
      assert.rejects(evaluate(options), (error) => {
        assert.ok(error instanceof kind, String(error));
        assert.match(error.message, message);
        return true;
      }),
    );

  test('gives exactly the scores that the best epoch had', async () => {
    const { report, interval, loss, logits, files, classes, top5 } = await withoutLeak(() =>
      evaluate({ run: runs.path('scratch'), data: runs.photos }),
    );
    const { macroF1, macroF1Low, macroF1High, accuracy, valLoss } = RunFolder.open(runs.path('scratch'))
      .readEpochs()
      .findLast(({ best }) => best)!;
    assert.deepEqual(
      [report.macroF1, interval.low, interval.high, report.accuracy, loss],
      [macroF1, macroF1Low, macroF1High, accuracy, valLoss],
    );
    const predictions = RunFolder.open(runs.path('scratch')).readPredictions();
    assert.deepEqual(
      predictions.flatMap((each) => each.logits),
      Array.from(logits),
    );
    assert.deepEqual(
      predictions.map(({ file }) => join(runs.photos, file)),
      files,
    );
    assert.deepEqual([classes, top5], [['blue', 'green', 'red'], undefined]);
  });

  test('refuses labels that the run does not know, naming an image', async () => {
    const other = join(runs.root, 'other');
    await drawImages(other, 1);
    cpSync(join(other, 'red'), join(other, 'crimson'), { recursive: true });
    await refused(
      { run: runs.path('scratch'), data: other },
      ConfigError,
      /crimson\/0\.png has the label crimson, which is not one of the run's 3 classes/,
    );
  });

  test('matches classes by name where the data has others in another order or fewer', async () => {
    const fewer = join(runs.root, 'fewer');
    await drawImages(fewer, 4, 1);
    rmSync(join(fewer, 'blue'), { recursive: true });
    const { truth, report, files } = await evaluate({ run: runs.path('scratch'), data: fewer });
    assert.deepEqual([report.numClasses, report.numPresent, files.length], [3, 2, 8]);
    assert.deepEqual([...truth], [1, 1, 1, 1, 2, 2, 2, 2]);
  });

  test('scores the part that is asked for', async () => {
    const { files } = await evaluate({ run: runs.path('scratch'), data: runs.photos, part: 'train' });
    assert.equal(files.length, 24);
    await refused(
      { run: runs.path('scratch'), data: join(runs.photos, 'val'), part: 'val' },
      ConfigError,
      /has no val images/,
    );
  });

  test('says when there is no run, or no checkpoint in it yet', async () => {
    await refused({ run: runs.path('nowhere'), data: runs.photos }, RunError, /does not exist/);
    await runs.go('hasty', {}, ({ stage }) => stage === 'full');
    await refused({ run: runs.path('hasty'), data: runs.photos }, RunError, /hasty has no checkpoint to score/);
  });
});
