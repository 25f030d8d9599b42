import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { RunError, RunFolder } from '../../run/index.js';
import { evaluate, resume } from '../../workflows/index.js';
import { ConfigError } from '../config/field.js';
import type { Progress, TrainEvent } from '../events.js';
import { sha256 } from './images.test.helper.js';
import { readPosition } from './state.js';
import { TestRuns, tensorHash, withoutLeak } from './training.test.helper.js';

const runs = await TestRuns.open();
after(runs.remove);

const skip = process.env.EVENHAND_TEST_ALL ? false : 'takes seconds: npm test -- --all';
const FOLDS = skip ? 2 : 3;
const numbers = Array.from({ length: FOLDS }, (_, fold) => fold);
const values = {
  model: 'efficientnet_mini',
  weights: 'pretrained',
  folds: FOLDS,
  fold: 'all',
  headEpochs: 2,
  headPasses: 1,
  epochs: 1,
  batchSize: 4,
};

const foldOf = (name: string, fold: number) => join(name, 'folds', String(fold));
const notesOf = (events: readonly TrainEvent[]) =>
  events.flatMap((event) => (event.type === 'note' ? [event.text] : [])).join('\n');

function equalsReference(name: string): void {
  for (let fold = 0; fold < FOLDS; fold++) {
    const [run, reference] = [foldOf(name, fold), foldOf('reference', fold)];
    assert.deepEqual(runs.epochs(run), runs.epochs(reference));
    for (const file of ['best.safetensors', 'predictions.jsonl']) {
      assert.equal(sha256(join(runs.path(run), file)), sha256(join(runs.path(reference), file)), `${run}/${file}`);
    }
    assert.equal(tensorHash(runs.state(run)), tensorHash(runs.state(reference)), run);
  }
  const predictions = 'predictions.jsonl';
  assert.equal(sha256(join(runs.path(name), predictions)), sha256(join(runs.path('reference'), predictions)));
}

describe('training all folds', () => {
  let reference: Awaited<ReturnType<typeof runs.go>> | undefined;
  let events: readonly TrainEvent[] = [];
  before(async () => {
    reference = await runs.go('reference', values);
    ({ events } = reference);
  });

  test('leaves a run per fold, and the held-out predictions of all training images in their order', () => {
    const folder = RunFolder.open(runs.path('reference'));
    assert.equal(folder.readConfig().fold, 'all');
    assert.deepEqual(readdirSync(folder.path).sort(), [
      'config.json',
      'environment.json',
      'folds',
      'model.json',
      'model.onnx',
      'predictions.jsonl',
    ]);
    const folds = folder.folds();
    assert.deepEqual(
      folds.map((fold) => fold.readConfig().fold),
      numbers,
    );
    const predictions = folder.readPredictions();
    assert.equal(predictions.length, 24);
    assert.deepEqual(
      predictions.map(({ file }) => file),
      predictions.map(({ file }) => file).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })),
    );
    assert.deepEqual(
      folds.flatMap((fold) => fold.readPredictions()).toSorted((a, b) => (a.file < b.file ? -1 : 1)),
      predictions.toSorted((a, b) => (a.file < b.file ? -1 : 1)),
    );
  });

  test('computes each view of an image once for all folds', () => {
    const images = new Map<string, number>();
    for (const event of events) {
      if (event.type !== 'progress' || event.stage !== 'features') continue;
      assert.equal(event.total, 24);
      if (event.done === event.total) images.set('features', (images.get('features') ?? 0) + 1);
    }
    // As they are, and augmented once.
    assert.equal(images.get('features'), 2);
  });

  test('trains every fold to the last epoch, and says once what folds have in common', () => {
    for (const fold of RunFolder.open(runs.path('reference')).folds()) {
      assert.deepEqual(
        fold.readEpochs().map(({ best }) => best),
        [true, true, true],
      );
    }
    const notes = notesOf(events);
    assert.equal(notes.match(/Backbone:/g)?.length, 1);
    assert.match(notes, /The 12 validation images of the data are in no fold/);
    assert.deepEqual(
      events.filter(({ type }) => type === 'fold'),
      numbers.map((fold) => ({ type: 'fold', fold: fold + 1, folds: FOLDS })),
    );
  });

  test('ends with the same bits wherever it was interrupted', async () => {
    const stops: readonly ((at: Progress, fold: number) => boolean)[] = [
      ({ stage, done }) => stage === 'features' && done >= 8,
      ({ stage, done }, fold) => fold === 1 && stage === 'full' && done >= 8,
      // Between two folds.
      ({ stage, done, total }, fold) => fold === 1 && stage === 'validate' && done === total,
      ({ stage, epoch, done }, fold) => fold === 2 && stage === 'head' && epoch === 2 && done >= 16,
      ({ stage, done }, fold) => fold === 3 && stage === 'full' && done >= 4,
    ];
    const data = join(runs.root, 'photos-2');
    cpSync(runs.photos, data, { recursive: true });
    const chosen = skip ? stops.slice(1, 2) : stops;
    for (const [i, stop] of chosen.entries()) {
      let fold = 0;
      const { interrupted } = await runs.go(
        'interrupted',
        { ...values, data },
        (at) => stop(at, fold),
        (event) => {
          if (event.type === 'fold') fold = event.fold;
        },
      );
      assert.equal(interrupted, true, `stop ${i}`);
    }
    // The data may move in between.
    const moved = `${data}-moved`;
    renameSync(data, moved);
    const finished = await resume({ run: runs.path('interrupted'), changes: { data: moved } });
    const { interrupted, wasFinished, outOfFold } = finished;
    assert.deepEqual(
      [interrupted, wasFinished, outOfFold?.images, outOfFold?.foldScores.length],
      [false, false, 24, FOLDS],
    );
    equalsReference('interrupted');
    const places = RunFolder.open(runs.path('interrupted'))
      .folds()
      .map((run) => run.readConfig().data);
    assert.deepEqual(
      places,
      numbers.map(() => moved),
    );
    const again = await runs.go('interrupted');
    assert.deepEqual([again.wasFinished, again.outOfFold], [true, outOfFold]);
  });

  test('trains a fold anew whose folder is gone, and names one that is damaged', { skip }, async () => {
    const path = runs.path(foldOf('interrupted', 1));
    const predictions = join(path, 'predictions.jsonl');
    writeFileSync(predictions, '');
    rmSync(join(runs.path('interrupted'), 'predictions.jsonl'));
    await assert.rejects(
      runs.go('interrupted'),
      (error) =>
        error instanceof RunError && /folds\/1\/predictions\.jsonl is damaged: .*delete the folder/.test(error.message),
    );
    rmSync(path, { recursive: true });
    await runs.go('interrupted');
    equalsReference('interrupted');
  });

  test('is scored by its held-out predictions', async () => {
    const run = runs.path('reference');
    const heldOut = await withoutLeak(() => evaluate({ run }));
    assert.deepEqual([heldOut.report.macroF1, heldOut.trainingImages], [reference?.outOfFold?.macroF1, 0]);
  });

  test('is scored on other images by the mean of its folds', { skip }, async () => {
    const run = runs.path('reference');
    const data = join(runs.photos, 'val');
    const all = await withoutLeak(() => evaluate({ run, data }));
    const each = await Promise.all(
      numbers.map((fold) => evaluate({ run: runs.path(foldOf('reference', fold)), data })),
    );
    for (const [i, logit] of all.logits.entries()) {
      const mean = each.reduce((sum, { logits }) => sum + logits[i]!, 0) / FOLDS;
      assert.ok(Math.abs(logit - mean) < 1e-4 * Math.max(1, Math.abs(mean)), `${logit} and ${mean}`);
    }
    const onTraining = await evaluate({ run, data: runs.photos, part: 'train' });
    assert.equal(onTraining.trainingImages, 24);
  });

  test('leaves nothing behind if the weights are not there', async () => {
    await assert.rejects(runs.go('weightless', { ...values, weights: join(runs.root, 'none.safetensors'), epochs: 0 }));
    assert.equal(existsSync(join(runs.path('weightless'), 'config.json')), false);
    assert.equal(existsSync(join(runs.path('weightless'), 'folds')), false);
  });

  test('shares a budget, interrupted or not', async () => {
    let fold = 0;
    const start = performance.now();
    const { interrupted } = await runs.go(
      'budget',
      { ...values, budget: '5m' },
      ({ stage, epoch }) => fold === 2 && stage === 'full' && epoch === 2,
      (event) => {
        if (event.type === 'fold') fold = event.fold;
      },
    );
    assert.equal(interrupted, true);
    await runs.go('budget');
    const seconds = (performance.now() - start) / 1000;
    const records = numbers.map((fold) => readPosition(runs.state(foldOf('budget', fold)))!.budget!);
    const updates = (3 * (24 - 24 / FOLDS)) / values.batchSize;
    for (const { used, end, headEpochs, plan, pace } of records) {
      assert.deepEqual([headEpochs, plan, pace!.position], [2, records[0]!.plan, updates]);
      assert.ok(used < end! && end! < 300);
    }
    const used = records.slice(0, -1).reduce((sum, record) => sum + record.used, 0);
    assert.ok(Math.abs(used + records.at(-1)!.end! - (300 * 0.99 - 6)) < 1, 'the last fold has all that is left');
    assert.ok(used + records.at(-1)!.used < seconds, 'no second counts twice');
  });

  test('has as many folds as a budget is best spent on, and checks the model on a CSV file of validation images', async () => {
    const table = (part: string): string => {
      const images = join(runs.photos, part);
      const rows = readdirSync(images).flatMap((label) =>
        readdirSync(join(images, label)).map((file) => `${join(label, file)},${label}\n`),
      );
      writeFileSync(runs.path(`${part}.csv`), `filename,label\n${rows.join('')}`);
      return runs.path(`${part}.csv`);
    };
    const data = { data: table('train'), images: join(runs.photos, 'train') };
    const checked = { valCsv: table('val'), valImages: join(runs.photos, 'val') };
    const { events } = await runs.go('planned', { ...values, ...data, ...checked, folds: 0, budget: '0.1s' });
    assert.match(notesOf(events), /^Budget of 0\.1s: time for 5 folds \(--folds sets their number\)\.$/m);
    assert.match(notesOf(events), /The 12 validation images of the data are in no fold/);
    const folder = RunFolder.open(runs.path('planned'));
    assert.equal(folder.readConfig().folds, 5);
    assert.ok(existsSync(folder.model));
    const { logits } = await evaluate({ run: runs.path(foldOf('planned', 4)) });
    assert.ok(logits.length > 0);
  });

  test('refuses what folds cannot have', () => {
    for (const [change, message] of [
      [{ folds: 0 }, /fold is all, but folds is not set/],
      [{ keep: 'best' }, /fold is all and keep is best/],
      [{ patience: 3 }, /fold is all and patience is 3/],
      [{ valFraction: 0.2 }, /both hold out validation images/],
      [{ folds: 0, budget: '5m', valFraction: 0.2 }, /both hold out validation images/],
    ] as const) {
      assert.throws(
        () => runs.config({ ...values, ...change }),
        (error) => error instanceof ConfigError && message.test(error.message),
      );
    }
    const { keep, patience } = runs.config({ ...values, keep: 'auto' });
    assert.deepEqual([keep, patience], ['last', 0]);
  });
});
