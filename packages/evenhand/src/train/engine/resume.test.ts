import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { RunError, RunFolder } from '../../run/index.js';
import { resume, train } from '../../workflows/index.js';
import { ConfigError } from '../config/field.js';
import type { Progress } from '../events.js';
import { drawImages, sha256 } from './images.test.helper.js';
import { type Position, readPosition } from './state.js';
import { TestRuns, tensorHash, withoutLeak } from './training.test.helper.js';

const runs = await TestRuns.open();
after(runs.remove);

const positionOf = (name: string): Position => readPosition(runs.state(name))!;

describe('an interrupted training', () => {
  // All that has a state: both phases, optimiser, averages, accumulation, dropout, mixing.
  const values = {
    weights: runs.start,
    headEpochs: 2,
    headPasses: 2,
    epochs: 2,
    batchSize: 4,
    accumulate: 2,
    ema: 0.9,
    clipNorm: 1,
  };
  before(() => runs.go('reference', values));

  function equalsReference(name: string): void {
    assert.deepEqual(runs.epochs(name), runs.epochs('reference'));
    for (const file of ['best.safetensors', 'predictions.jsonl']) {
      assert.equal(sha256(join(runs.path(name), file)), sha256(join(runs.path('reference'), file)), file);
    }
    assert.equal(tensorHash(runs.state(name)), tensorHash(runs.state('reference')));
  }

  test('ends with the same bits whichever stage was interrupted', async () => {
    const stops: readonly [stage: Progress['stage'], epoch: number, done: number, step: number | undefined][] = [
      ['features', 1, 4, undefined], // nothing is saved yet
      ['features', 2, 8, 0],
      ['head', 2, 24, 2], // its passes are soon done; so is the first step after
      ['full', 1, 12, 4], // half of a step: its gradients are not saved, so it is finished
      ['full', 1, 24, 6],
      ['validate', 1, 4, 6],
      ['full', 2, 4, 2],
      ['validate', 2, 12, 6],
    ];
    for (const [stage, epoch, done, step] of stops) {
      let stopped = false;
      const { interrupted } = await runs.go('interrupted', values, (at) => {
        const now = at.stage === stage && at.epoch === epoch && at.done >= done;
        stopped ||= now;
        return now;
      });
      const moment = `${stage} ${epoch} ${done}`;
      assert.ok(stopped, `${moment} never came`);
      assert.equal(interrupted, true, moment);
      if (step === undefined) assert.equal(existsSync(runs.state('interrupted')), false);
      else assert.equal(positionOf('interrupted').step, step, moment);
    }
    const { interrupted, epochs } = await runs.go('interrupted');
    assert.deepEqual([interrupted, epochs.length], [false, 4]);
    equalsReference('interrupted');
  });

  test('can be resumed if it was interrupted before it began', async () => {
    const aborted = { run: runs.path('unbegun'), signal: AbortSignal.abort(), config: runs.config(values) };
    const { interrupted, epochs, best } = await withoutLeak(() => train(aborted));
    assert.deepEqual([interrupted, epochs, best], [true, [], undefined]);
    await runs.go('unbegun');
    equalsReference('unbegun');
  });

  test('is not resumed if the data has changed', async () => {
    const data = join(runs.root, 'changing');
    await drawImages(join(data, 'train'), 4);
    await drawImages(join(data, 'val'), 2, 1);
    await runs.go('stale', { data }, ({ stage }) => stage === 'full');
    await drawImages(join(data, 'train'), 5);
    await assert.rejects(
      runs.go('stale'),
      (error) => error instanceof ConfigError && /changing has changed since .*stale was started/.test(error.message),
    );
  });

  // Held-out images depend on the order of the rows: reordered, training images would become validation images.
  test('refuses rows in another order, unless the run is of version 0.1, which did not record it', async () => {
    const data = join(runs.root, 'table.csv');
    const rows = ['red', 'green', 'blue'].flatMap((label) =>
      Array.from({ length: 8 }, (_, i) => `photos/train/${label}/${i}.png,${label}`),
    );
    const write = (lines: readonly string[]) => writeFileSync(data, `filename,label\n${lines.join('\n')}\n`);
    write(rows);
    await runs.go('ordered', { data, valFraction: 0.25 }, ({ stage }) => stage === 'full');
    write(rows.toReversed());
    await assert.rejects(
      runs.go('ordered'),
      (error) => error instanceof ConfigError && /table\.csv are in another order or split/.test(error.message),
    );
    const file = join(runs.path('ordered'), 'environment.json');
    const environment = JSON.parse(readFileSync(file, 'utf8'));
    delete environment.dataset.splitFingerprint;
    writeFileSync(file, JSON.stringify(environment));
    assert.equal((await runs.go('ordered', undefined, ({ stage }) => stage === 'scan')).interrupted, true);
  });

  test('continues with data that has moved, if its new place is given', async () => {
    const [old, moved] = [join(runs.root, 'old-place'), join(runs.root, 'new-place')];
    await drawImages(join(old, 'train'), 8);
    await drawImages(join(old, 'val'), 4, 1);
    await runs.go('moved', { ...values, data: old }, ({ stage, epoch }) => stage === 'full' && epoch === 2);
    renameSync(old, moved);
    await assert.rejects(runs.go('moved'), /old-place does not exist; if the data has moved, resume with --data/);
    await withoutLeak(() => resume({ run: runs.path('moved'), changes: { data: moved } }));
    equalsReference('moved');
    assert.equal(RunFolder.open(runs.path('moved')).readConfig().data, moved);
  });

  test('has one step per complete batch, and one step if no batch is complete', async () => {
    const { events } = await runs.go('incomplete', { batchSize: 64, epochs: 1 });
    const steps = events.filter((event) => event.type === 'progress' && event.stage === 'full');
    assert.equal(steps.length, 1);
    assert.ok(steps.every((event) => event.type === 'progress' && event.done === 24 && event.total === 24));
  });
});

// Two processes in one run folder overwrote each other's checkpoints.
test('a run cannot be resumed while it is being trained', async () => {
  const values = { epochs: 1 };
  let refusal: Promise<unknown> | undefined;
  await runs.go('locked', values, ({ stage }) => {
    if (stage === 'full') refusal ??= resume({ run: runs.path('locked') }).catch((error: unknown) => error);
    return stage === 'full';
  });
  const error = await refusal;
  assert.ok(error instanceof RunError, String(error));
  assert.match(error.message, /locked is already being trained by this process/);
  const { interrupted } = await runs.go('locked');
  assert.equal(interrupted, false);
  assert.deepEqual(
    readdirSync(runs.path('locked')).filter((name) => name.endsWith('.lock')),
    [],
  );
});
