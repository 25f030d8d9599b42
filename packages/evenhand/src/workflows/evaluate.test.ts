import assert from 'node:assert/strict';
import { cpSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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

  test('gives exactly the scores of the best epoch for the validation images', async () => {
    const evaluation = await withoutLeak(() => evaluate({ run: runs.path('scratch') }));
    const { report, interval, loss, logits, files, classes, top5, trainingImages } = evaluation;
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
    assert.deepEqual([classes, top5, trainingImages], [['blue', 'green', 'red'], undefined, 0]);
    const { report: onData } = await evaluate({ run: runs.path('scratch'), data: runs.photos });
    assert.deepEqual(onData, report);
  });

  test('refuses labels that the run does not know, and names an image', async () => {
    const other = join(runs.root, 'other');
    await drawImages(other, 1);
    cpSync(join(other, 'red'), join(other, 'crimson'), { recursive: true });
    await refused(
      { run: runs.path('scratch'), data: other },
      ConfigError,
      /crimson\/0\.png has the label "crimson", which is not one of the run's 3 classes/,
    );
  });

  test('matches classes by name if the data has fewer classes or another order', async () => {
    const fewer = join(runs.root, 'fewer');
    await drawImages(fewer, 4, 1);
    rmSync(join(fewer, 'blue'), { recursive: true });
    const { truth, report, files } = await evaluate({ run: runs.path('scratch'), data: fewer });
    assert.deepEqual([report.numClasses, report.numPresent, files.length], [3, 2, 8]);
    assert.deepEqual([...truth], [1, 1, 1, 1, 2, 2, 2, 2]);
  });

  test('scores the chosen part', async () => {
    const { files, trainingImages } = await evaluate({ run: runs.path('scratch'), data: runs.photos, part: 'train' });
    assert.deepEqual([files.length, trainingImages], [24, 24]);
    await refused(
      { run: runs.path('scratch'), data: join(runs.photos, 'val'), part: 'val' },
      ConfigError,
      /has no val images/,
    );
  });

  test('says if there is no run, or no checkpoint in it yet', async () => {
    await refused({ run: runs.path('nowhere'), data: runs.photos }, RunError, /does not exist/);
    await runs.go('hasty', {}, ({ stage }) => stage === 'full');
    await refused({ run: runs.path('hasty'), data: runs.photos }, RunError, /hasty has no checkpoint to score/);
  });

  // Such a run was once scored on its own training images by the command that the report printed: 0.787, not 0.553.
  test('counts training images among those scored if the run held out its validation images', async () => {
    const data = join(runs.root, 'unsplit');
    await drawImages(data, 8, 2);
    await runs.go('held-out', { data, valFraction: 0.25 });
    const run = runs.path('held-out');
    const own = await evaluate({ run });
    assert.deepEqual([own.files.length, own.trainingImages], [6, 0]);
    const all = await evaluate({ run, data });
    assert.deepEqual([all.files.length, all.trainingImages], [24, 18]);

    // Copies under other names, beside images that the run has never seen.
    const training = all.files.filter((file) => !own.files.includes(file));
    const mixed = join(runs.root, 'mixed');
    await drawImages(mixed, 2, 3);
    cpSync(training[0]!, join(mixed, 'red/copy.png'));
    cpSync(training[1]!, join(mixed, 'red/another.png'));
    cpSync(own.files[0]!, join(mixed, 'red/validation.png'));
    const { files, trainingImages } = await evaluate({ run, data: mixed });
    assert.deepEqual([files.length, trainingImages], [9, 2]);
  });

  test('finds the validation images where the data are now, and says if training images cannot be recognised', async () => {
    const data = join(runs.root, 'before');
    await drawImages(data, 8, 4);
    await runs.go('moved', { data, valFraction: 0.25 });
    const run = runs.path('moved');
    const { report } = await evaluate({ run });
    const now = join(runs.root, 'now');
    renameSync(data, now);
    await refused({ run }, ConfigError, /moved are not in .*before any more .*: say where .* are now with --data/);
    const elsewhere = await evaluate({ run, runData: now });
    assert.deepEqual([elsewhere.report, elsewhere.trainingImages], [report, 0]);
    assert.equal((await evaluate({ run, data: now })).trainingImages, null);
  });

  test('works with classes of any name', async () => {
    const data = join(runs.root, 'names');
    await drawImages(data, 4, 5);
    for (const [label, name] of [
      ['red', '__proto__'],
      ['green', 'constructor'],
    ] as const) {
      renameSync(join(data, label), join(data, name));
    }
    await runs.go('any-names', { data, valFraction: 0.25 });
    const run = runs.path('any-names');
    const { classes, report } = await evaluate({ run });
    assert.deepEqual(classes, ['__proto__', 'blue', 'constructor']);
    const best = RunFolder.open(run).readEpochs().at(-1)!;
    assert.equal(report.macroF1, best.macroF1);
    assert.deepEqual(
      (await evaluate({ run, data })).report.perClass.map(({ support }) => support),
      [4, 4, 4],
    );
  });

  test('says if a run has no validation images to score', async () => {
    const copy = runs.path('without');
    cpSync(runs.path('scratch'), copy, { recursive: true });
    writeFileSync(join(copy, 'predictions.jsonl'), '');
    await refused({ run: copy }, ConfigError, /without has no validation images to score: give labelled images/);
  });
});
