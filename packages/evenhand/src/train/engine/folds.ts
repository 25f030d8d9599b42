import type { ModelSpec } from '../../models/index.js';
import { RunFolder } from '../../run/index.js';
import { type Config, DATA_FILES, type FieldName, fields, type RunConfig } from '../config/fields.js';
import { configOfRun } from '../config/resolve.js';
import { changeOnResume } from '../config/resume.js';
import type { TrainEvent } from '../events.js';
import { environmentOf } from '../setup/environment.js';
import { openTrainingCache } from '../setup/image-cache.js';
import { presetAt } from '../setup/model.js';
import type { Prepared, PreparedFolds } from '../setup/prepare.js';
import { ExpectedTime } from './expected-time.js';
import { trainFinal } from './final.js';
import { FeaturePool } from './frozen-features.js';
import { judgeOutOfFold, type OutOfFold, scoreFolds, writeOutOfFold } from './out-of-fold.js';
import { readPosition } from './state.js';
import { prepareMachine, type SharedByFolds, type Trained, trained, trainWhatIsLeft } from './training.js';

export interface FoldsOptions {
  readonly onEvent: (event: TrainEvent) => void;
  readonly signal: AbortSignal | undefined;
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
  { onEvent, signal, start, changes = {} }: FoldsOptions,
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
  const all = (interrupted: boolean): Trained => ({
    epochs: results.flatMap(({ epochs }) => epochs),
    interrupted,
    wasFinished: results.every(({ wasFinished }) => wasFinished),
    stoppedEarly: false,
  });
  try {
    for (const [fold, part] of data.folds.entries()) {
      const later = data.folds.length - 1 - fold + (['refit', 'distil'].includes(combine) ? 1 : 0);
      const job = {
        path: folder.foldPath(fold),
        config: { ...config, fold, combine: 'ensemble' } as const,
        spec,
        data: part,
        changes,
      };
      const shared = { cache, pool, expectedTime, later };
      const options = { onEvent: notify, signal, shared };
      const begin = () => onEvent({ type: 'fold', fold: fold + 1, folds: data.folds.length });
      const result = await trainFold(job, begin, options).catch((error: unknown) => {
        // Its weights are not to be had, so there is no run.
        if (start && fold === 0 && !RunFolder.isRun(job.path)) folder.undoStart();
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
    onEvent({ type: 'final', combine });
    const shared = { cache, pool, expectedTime, later: 0 };
    const result = await trainFinal(folder, config, spec, data.all, { onEvent: notify, signal, shared });
    results.push(result);
    return { ...all(result.interrupted), ...(result.interrupted ? {} : { outOfFold }) };
  } finally {
    pool.dispose();
  }
}

interface Fold {
  readonly path: string;
  readonly config: RunConfig;
  readonly spec: ModelSpec;
  readonly data: Prepared;
  readonly changes: Partial<Config>;
}

/** Trains a fold, or what is left of it. */
async function trainFold(
  { path, config, spec, data, changes }: Fold,
  begin: () => void,
  options: { onEvent: (event: TrainEvent) => void; signal: AbortSignal | undefined; shared: SharedByFolds },
): Promise<Trained> {
  const isNew = !RunFolder.isRun(path);
  const folder = isNew ? RunFolder.create(path) : RunFolder.open(path);
  const unlock = folder.lock();
  try {
    if (isNew) {
      begin();
      const start = (): void => {
        folder.writeEnvironment(environmentOf(config, data));
        folder.writeModel({ ...spec });
        folder.writeConfig(config);
      };
      return await trainWhatIsLeft(folder, config, spec, data, { ...options, start });
    }
    folder.removeLeftovers();
    const position = readPosition(folder.last);
    const isDone = position?.phase === 'done';
    // A fold that is done keeps its rates; where its data are may have changed.
    const changed = changeOnResume(configOfRun(folder), isDone ? placesOf(changes) : changes);
    if (changed.notes.length > 0) folder.writeConfig(changed.config);
    if (isDone) {
      folder.writeEpochs(position.epochs);
      return { ...trained(position, false), wasFinished: true };
    }
    begin();
    return await trainWhatIsLeft(folder, changed.config, spec, data, options);
  } finally {
    unlock();
  }
}

const placesOf = (changes: Partial<Config>): Partial<Config> =>
  Object.fromEntries(Object.entries(changes).filter(([name]) => fields[name as FieldName].group === DATA_FILES));

/** Passes on each note once: folds have much to say in common. */
function once(onEvent: (event: TrainEvent) => void): (event: TrainEvent) => void {
  const seen = new Set<string>();
  return (event) => {
    if (event.type === 'note' && seen.has(event.text)) return;
    if (event.type === 'note') seen.add(event.text);
    onEvent(event);
  };
}
