import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type EpochMetrics, RunFolder } from '../../run/index.js';
import type { Progress, TrainResult } from '../../train/index.js';
import { ProgressFile } from './progress-file.js';

const root = mkdtempSync(join(tmpdir(), 'evenhand-progress-'));
after(() => rmSync(root, { recursive: true }));

const progress: Progress = {
  type: 'progress',
  stage: 'full',
  epoch: 3,
  epochs: 20,
  done: 100,
  total: 200,
  imagesPerSecond: 10,
  loss: 1.5,
  learningRate: 1e-3,
};

const result = { interrupted: true } as TrainResult;

function runAt(name: string): RunFolder {
  const run = RunFolder.create(join(root, name));
  run.writeConfig({ epochs: 20 });
  return run;
}

describe('progress.json', () => {
  test('says how far the training is, and how it ended', () => {
    const run = runAt('ends');
    const file = new ProgressFile(run.path);
    file.event({ type: 'fold', fold: 2, folds: 5 });
    file.event(progress);
    const { updated, ...written } = run.readProgress()!;
    assert.ok(Math.abs(Date.parse(updated) - Date.now()) < 60_000, updated);
    const { type: _, ...fields } = progress;
    const left = { epochSecondsLeft: 10, secondsLeft: 10 + 20 * (17 + 3 * 20) };
    assert.deepEqual(written, { state: 'training', fold: 2, folds: 5, ...fields, ...left });
    file.event({ ...progress, done: 101 });
    assert.equal(run.readProgress()!.done, 100, 'written more than once a second');
    file.end({ type: 'done', result });
    assert.deepEqual([run.readProgress()!.state, run.readProgress()!.done], ['stopped', 101]);
    file.end({ type: 'died', rank: 0, cause: 'SIGKILL' });
    assert.equal(run.readProgress()!.reason, 'the training process was ended by SIGKILL');
  });

  test('has the time until the last epoch while an epoch is validated, too', () => {
    const run = runAt('validates');
    const file = new ProgressFile(run.path);
    file.event({ type: 'epoch', metrics: { phase: 'full', seconds: 30 } as EpochMetrics });
    file.event({ ...progress, stage: 'validate' });
    assert.deepEqual([run.readProgress()!.epochSecondsLeft, run.readProgress()!.secondsLeft], [10, 10 + 17 * 30]);
  });

  test('is left alone by a process that has begun nothing', () => {
    const run = runAt('held');
    new ProgressFile(run.path).end({ type: 'died', rank: 0, cause: 'exit code 1' });
    assert.equal(run.readProgress(), undefined);
  });

  test('is not written where there is no run, and does not stop the training where it cannot be', () => {
    new ProgressFile(join(root, 'none')).event(progress);
    const run = runAt('broken');
    mkdirSync(join(run.path, 'progress.json'));
    new ProgressFile(run.path).event(progress);
    assert.throws(() => run.readProgress(), /must be a regular file/);
  });

  test('that is damaged is named', () => {
    const run = runAt('damaged');
    writeFileSync(join(run.path, 'progress.json'), '{"updated": 3}');
    assert.throws(() => run.readProgress(), /progress\.json: is damaged: updated must be text, got 3$/);
  });
});
