import type { ModelSpec } from '../../models/index.js';
import { RunFolder } from '../../run/index.js';
import type { Config, RunConfig } from '../config/fields.js';
import type { TrainEvent } from '../events.js';
import { trainingsOf } from '../schedule/budget.js';
import { openTrainingCache } from '../setup/image-cache.js';
import { presetAt } from '../setup/model.js';
import type { PreparedFolds } from '../setup/prepare.js';
import { ExpectedTime } from './expected-time.js';
import { configOfFinal, phasesOfFinal } from './final.js';
import { FeaturePool } from './frozen-features.js';
import { judgeOutOfFold, type OutOfFold, scoreFolds, writeOutOfFold } from './out-of-fold.js';
import { trainPart } from './part-of-folds.js';
import { readPosition } from './state.js';
import { type BudgetRecord, TimeBudget } from './time-budget.js';
import { prepareMachine, type Trained } from './training.js';

export interface FoldsOptions {
  readonly onEvent: (event: TrainEvent) => void;
  readonly signal: AbortSignal | undefined;
  /** When the training or its resumption began, for its budget: milliseconds of `performance.now()`. */
  readonly begun: number;
  /** Of a new run: writes its configuration. */
  readonly start?: () => void;
  /** Settings to change in a resumed run, which its own configuration has already. */
  readonly changes?: Partial<Config>;
}

/**
 * Trains what is left of a cross-validation: each fold as a run of its own in `folds/0`, `folds/1` and so on, one after
 * another. Frozen features and decoded images are shared. At the end the held-out predictions of all folds, which are those
 * of all training images, become the predictions of the run.
 *
 * @param config with fold `all`
 */
export async function trainFolds(
  folder: RunFolder,
  config: RunConfig,
  spec: ModelSpec,
  data: PreparedFolds,
  { onEvent, signal, begun, start, changes = {} }: FoldsOptions,
): Promise<Trained & { outOfFold?: OutOfFold }> {
  start?.();
  prepareMachine(config);
  const { combine } = config;
  const { train, hashes } = data.all;
  const notify = once(onEvent);
  const cache = openTrainingCache(
    config,
    presetAt(spec.preset, config.imageSize),
    { train, val: train, hashes },
    notify,
  );
  const pool = new FeaturePool(train);
  const expectedTime = new ExpectedTime();
  const results: Trained[] = [];
  const networks = combine === 'ensemble' ? config.folds : 1;
  const startBudget = sharedBudget(folder, config, begun, networks * data.all.val.length);
  const share = (path: string, later: number, event: TrainEvent) => ({
    onEvent: notify,
    signal,
    shared: { cache, pool, expectedTime, later },
    begin: () => {
      onEvent(event);
      return startBudget(path, later);
    },
  });
  const all = (interrupted: boolean): Trained => ({
    epochs: results.flatMap(({ epochs }) => epochs),
    interrupted,
    wasFinished: results.every(({ wasFinished }) => wasFinished),
    stoppedEarly: false,
  });
  try {
    for (const [fold, part] of data.folds.entries()) {
      const path = folder.foldPath(fold);
      const result = await trainPart(
        { path, config: { ...config, fold, combine: 'ensemble' }, spec, data: part, changes },
        share(path, trainingsOf(config) - 1 - fold, {
          type: 'fold',
          fold: fold + 1,
          folds: data.folds.length,
        }),
      ).catch((error: unknown) => {
        // Its weights are not to be had, so there is no run.
        if (start && fold === 0 && !RunFolder.isRun(path)) folder.undoStart();
        throw error;
      });
      results.push(result);
      if (result.interrupted) return all(true);
    }
    const { wasFinished } = all(false);
    if (!wasFinished || folder.readPredictions().length === 0) writeOutOfFold(folder, config, data);
    if (config.labelNoise !== 'off' && (!wasFinished || folder.readLabels().length === 0)) {
      judgeOutOfFold(folder, config, data, onEvent);
    }
    const outOfFold = scoreFolds(folder, config, data);
    if (combine === 'ensemble') return { ...all(false), outOfFold };
    const result = await trainPart(
      { path: folder.final, config: configOfFinal(config, data.all), spec, data: data.all, changes },
      { ...share(folder.final, 0, { type: 'final', combine }), phases: phasesOfFinal(folder, combine) },
    );
    results.push(result);
    return { ...all(result.interrupted), ...(result.interrupted ? {} : { outOfFold }) };
  } finally {
    pool.dispose();
  }
}

/**
 * The clocks of the trainings of a cross-validation with a budget, by the run folder of each and the number of trainings
 * after it. Each gets an equal part of the time that is left when its full phase begins; what folds have in common, the first
 * one has computed by then.
 *
 * @param checked as in `BudgetShare`
 */
function sharedBudget(
  folder: RunFolder,
  { budget, folds }: RunConfig,
  begun: number,
  checked: number,
): (path: string, later: number) => TimeBudget | null {
  const paths = [...Array.from({ length: folds }, (_, fold) => folder.foldPath(fold)), folder.final];
  const recordOf = (path: string): BudgetRecord | undefined =>
    RunFolder.isRun(path) ? readPosition(RunFolder.open(path).last)?.budget : undefined;
  // The first one that is trained has read the data.
  let start: number | undefined = begun;
  return (path, later) => {
    if (budget === '') return null;
    const others = paths.filter((each) => each !== path).map((each) => recordOf(each)?.used ?? 0);
    const used = others.reduce((sum, seconds) => sum + seconds, 0);
    const clock = new TimeBudget(budget, start ?? performance.now(), {
      used,
      later,
      checked,
      first: recordOf(paths[0]!),
    });
    start = undefined;
    return clock;
  };
}

/** Passes on each note once: folds have much to say in common. */
function once(onEvent: (event: TrainEvent) => void): (event: TrainEvent) => void {
  const seen = new Set<string>();
  return (event) => {
    if (event.type === 'note' && seen.has(event.text)) return;
    if (event.type === 'note') seen.add(event.text);
    onEvent(event);
  };
}
