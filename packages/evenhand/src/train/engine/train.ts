import { existsSync } from 'node:fs';
import type { distributed } from '@evenhand/torch';
import { requireCacheFolder } from '../../data/index.js';
import { RunFolder } from '../../run/index.js';
import { ConfigError } from '../config/field.js';
import type { Config, RunConfig } from '../config/fields.js';
import { configOfRun } from '../config/resolve.js';
import { changeOnResume } from '../config/resume.js';
import type { TrainEvent } from '../events.js';
import { chooseDevice, requireCudaGraphs } from '../setup/device.js';
import { environmentOf } from '../setup/environment.js';
import { findSpec, modelOfRun, requireGrowth } from '../setup/model.js';
import { type Prepared, prepareData, prepareFolds } from '../setup/prepare.js';
import { judgeValidation } from '../setup/validation.js';
import { chooseBatchSize, requireDivisible } from './batch-size.js';
import { chooseFolds } from './choose-folds.js';
import { trainFolds } from './folds.js';
import { type Group, isMain, shareCores, worldSizeOf } from './group.js';
import type { OutOfFold } from './out-of-fold.js';
import { afterNeighbours, copyRunFromMain, inOwnFolder, requireGroup, requireSameStart } from './start-together.js';
import { TimeBudget } from './time-budget.js';
import { prepareMachine, type Trained, trainWhatIsLeft } from './training.js';

export interface ResumeOptions {
  /** The run folder. */
  readonly run: string;
  /** Settings to change, and the new place of data that has moved: see `changeOnResume`. They are kept in the run. */
  readonly changes?: Partial<Config>;
  readonly onEvent?: (event: TrainEvent) => void;
  /** Aborting it finishes the current step, saves, and ends with `interrupted: true`. */
  readonly signal?: AbortSignal;
  /**
   * The processes that train this model together, all of which call this function with the same options; default none. Rank
   * 0 writes the run.
   */
  readonly group?: distributed.ProcessGroup | null;
}

export interface TrainOptions extends Omit<ResumeOptions, 'changes'> {
  /** As `resolveConfig` returns it, with `data` set. */
  readonly config: Config;
}

export interface TrainResult extends Trained {
  readonly run: string;
  /** Of a cross-validation that has finished. `epochs` are then those of all folds, and there is no `best`. */
  readonly outOfFold?: OutOfFold;
}

/**
 * Trains a classifier and leaves a run folder at `run`.
 *
 * @throws ConfigError, DataError, ImageError, RunError, WeightsError, WeightsFileError and TrainingError,
 * each with one sentence for the user; what was written before stays
 */
export async function trainRun(options: TrainOptions): Promise<TrainResult> {
  const group = shareCores(options.group ?? null);
  return inOwnFolder(group, options.run, (run) => startIn({ ...options, run }, group));
}

async function startIn(options: TrainOptions, group: Group): Promise<TrainResult> {
  const { onEvent = () => {} } = options;
  const { config } = options;
  if (config.data === '') throw new ConfigError('data is missing: set the folder or CSV file to train on');
  requireGroup(config, group);
  requireCudaGraphs(config, chooseDevice(config.device, group));
  requireCacheFolder(config.cache);
  const begun = performance.now();
  const found = await findSpec(config.model, onEvent);
  requireGrowth(found, config);
  // What is known of the published weights is not true of others.
  const spec = config.weights === 'pretrained' ? found : { ...found, license: null, pretraining: null };
  const crossValidated = config.fold === 'all';
  const folder = RunFolder.create(options.run, { crossValidated });
  const unlock = folder.lock();
  try {
    const device = chooseDevice(config.device, group);
    const settle = (data: Prepared, ruled: Config) => {
      requireSameStart(group, config, data);
      prepareMachine(config, group);
      return chooseBatchSize(ruled, spec, data.classes.length, device, onEvent, group);
    };
    const startAs = (chosen: RunConfig, data: Prepared) => () => {
      folder.writeEnvironment(environmentOf(chosen, data, group));
      folder.writeModel({ ...spec });
      // Last, because a folder with a configuration counts as a run.
      folder.writeConfig(chosen);
    };
    const { run, signal } = options;
    if (crossValidated) {
      const { all, divide } = await prepareFolds(config, onEvent);
      const settled = settle(all, config);
      const folds = settled.folds || (await chooseFolds(settled, spec, all, { begun, onEvent }));
      const chosen = { ...settled, folds };
      const data = await divide(folds);
      const start = startAs(chosen, all);
      return { run, ...(await trainFolds(folder, chosen, spec, data, { onEvent, signal, begun, start })) };
    }
    const data = await afterNeighbours(group, () => prepareData(config, onEvent));
    const chosen = settle(data, chooseCheckpointRule(config, data, onEvent));
    const start = startAs(chosen, data);
    const budget = budgetOf(chosen, begun);
    return { run, ...(await trainWhatIsLeft(folder, chosen, spec, data, { onEvent, signal, budget, group, start })) };
  } finally {
    unlock();
  }
}

/**
 * Continues a run that was interrupted or killed. It ends with the same weights, bit for bit, as an uninterrupted run on the
 * same machine with the same number of threads. A finished run is left as it is.
 *
 * @throws as `trainRun`; ConfigError if the data has changed
 */
export async function resumeRun(options: ResumeOptions): Promise<TrainResult> {
  const group = shareCores(options.group ?? null);
  return inOwnFolder(group, options.run, async (run) => {
    const main = isMain(group) ? RunFolder.open(run) : null;
    const unlock = main?.lock();
    try {
      copyRunFromMain(group, run);
      return await resumeIn(main ?? RunFolder.open(run), options, group);
    } finally {
      unlock?.();
    }
  });
}

async function resumeIn(folder: RunFolder, options: ResumeOptions, group: Group): Promise<TrainResult> {
  const { onEvent = () => {}, changes = {} } = options;
  const { config, notes } = changeOnResume(configOfRun(folder), changes);
  if (!existsSync(config.data)) {
    throw new ConfigError(`${config.data} does not exist; if the data has moved, resume with --data and its new place`);
  }
  requireGroup(config, group);
  requireDivisible(config.batchSize, worldSizeOf(group));
  requireCacheFolder(config.cache);
  const begun = performance.now();
  folder.removeLeftovers();
  const { signal } = options;
  const run = folder.path;
  const crossValidated = config.fold === 'all';
  const undivided = crossValidated ? await prepareFolds(config, onEvent) : null;
  const data = undivided ? undivided.all : await afterNeighbours(group, () => prepareData(config, onEvent));
  requireSameStart(group, config, data);
  requireSameData(folder, config, data);
  if (notes.length > 0) {
    folder.writeConfig(config);
    for (const text of notes) onEvent({ type: 'note', text });
  }
  const spec = modelOfRun(folder, config);
  if (undivided) {
    const folds = await undivided.divide(config.folds);
    return { run, ...(await trainFolds(folder, config, spec, folds, { onEvent, signal, begun, changes })) };
  }
  const budget = budgetOf(config, begun);
  return { run, ...(await trainWhatIsLeft(folder, config, spec, data, { onEvent, signal, budget, group })) };
}

function requireSameData(folder: RunFolder, config: Config, data: Prepared): void {
  const { fingerprint, splitFingerprint } = folder.readEnvironment().dataset;
  if (
    data.fingerprint === fingerprint &&
    splitFingerprint !== undefined &&
    data.splitFingerprint !== splitFingerprint
  ) {
    throw new ConfigError(
      `The images in ${config.data} are in another order or split than when ${folder.path} began, so training images could ` +
        'become validation images: restore the order of the rows, or start a new run',
    );
  }
  if (data.fingerprint !== fingerprint) {
    throw new ConfigError(
      `The data in ${config.data} has changed since ${folder.path} was started, so the run cannot be resumed; start a new run`,
    );
  }
}

/** Warns if validation is too small to compare epochs, and settles which checkpoint `keep: auto` keeps. */
function chooseCheckpointRule(config: Config, data: Prepared, onEvent: (event: TrainEvent) => void): Config {
  if (config.keep === 'last') return config;
  const { canChooseCheckpoint, verdict } = judgeValidation(data);
  if (canChooseCheckpoint) return { ...config, keep: 'best' };
  const advice =
    config.keep === 'auto' ? 'The last epoch is kept.' : 'Use --keep last to keep the last epoch instead of the best.';
  onEvent({ type: 'note', text: `${verdict} ${advice}` });
  return config.keep === 'auto' ? { ...config, keep: 'last' } : config;
}

/** The clock of a training that began then; null without a budget. */
const budgetOf = ({ budget }: Config, begun: number): TimeBudget | null =>
  budget === '' ? null : new TimeBudget(budget, begun);
