import { existsSync } from 'node:fs';
import { keepFreedMemory, manualSeed, nn } from '@evenhand/torch';
import { requireCacheFolder } from '../../data/index.js';
import { type ModelSpec, WeightsError } from '../../models/index.js';
import { type EpochMetrics, RunFolder } from '../../run/index.js';
import { ConfigError } from '../config/field.js';
import type { Config, RunConfig } from '../config/fields.js';
import { configOfRun } from '../config/resolve.js';
import { changeOnResume } from '../config/resume.js';
import type { TrainEvent } from '../events.js';
import { chooseDevice, chooseHalfType, chooseThreads, prepareDevice, requireCudaGraphs } from '../setup/device.js';
import { environmentOf } from '../setup/environment.js';
import { openTrainingCache } from '../setup/image-cache.js';
import { buildModel, findSpec, loadBackbone, modelOfRun, presetAt, requireGrowth } from '../setup/model.js';
import { type Prepared, prepareData } from '../setup/prepare.js';
import { judgeValidation } from '../setup/validation.js';
import { chooseBatchSize } from './batch-size.js';
import type { TrainingContext } from './context.js';
import { ExpectedTime } from './expected-time.js';
import { fullPhase } from './full-phase.js';
import { headPhase } from './head-phase.js';
import { judgeLabels } from './label-noise.js';
import { evaluationLoader } from './loaders.js';
import { type Position, TrainingState } from './state.js';
import { planFullPhase, TimeBudget } from './time-budget.js';

export interface ResumeOptions {
  /** The run folder. */
  readonly run: string;
  /** Settings to change, and the new place of data that has moved: see `changeOnResume`. They are kept in the run. */
  readonly changes?: Partial<Config>;
  readonly onEvent?: (event: TrainEvent) => void;
  /** Aborting it finishes the current step, saves, and ends with `interrupted: true`. */
  readonly signal?: AbortSignal;
}

export interface TrainOptions extends Omit<ResumeOptions, 'changes'> {
  /** As `resolveConfig` returns it, with `data` set. */
  readonly config: Config;
}

export interface TrainResult {
  readonly run: string;
  readonly epochs: readonly EpochMetrics[];
  /** The epoch whose weights are in best.safetensors; absent if no epoch has ended. */
  readonly best?: EpochMetrics;
  readonly interrupted: boolean;
  /** Whether a resumed run had finished before, so that nothing was trained. */
  readonly wasFinished: boolean;
  /** Whether `patience` ended the training before the last epoch. */
  readonly stoppedEarly: boolean;
}

/**
 * Trains a classifier and leaves a run folder at `run`.
 *
 * @throws ConfigError, DataError, ImageError, RunError, WeightsError, WeightsFileError and TrainingError,
 * each with one sentence for the user; what was written before stays
 */
export async function trainRun(options: TrainOptions): Promise<TrainResult> {
  const { onEvent = () => {} } = options;
  const { config } = options;
  if (config.data === '') throw new ConfigError('data is missing: set the folder or CSV file to train on');
  requireCudaGraphs(config, chooseDevice(config.device));
  requireCacheFolder(config.cache);
  const budget = startBudget(config);
  const found = await findSpec(config.model, onEvent);
  requireGrowth(found, config);
  // What is known of the published weights is not true of others.
  const spec = config.weights === 'pretrained' ? found : { ...found, license: null, pretraining: null };
  const folder = RunFolder.create(options.run);
  const unlock = folder.lock();
  try {
    const data = await prepareData(config, onEvent);
    const device = prepareMachine(config);
    const ruled = chooseCheckpointRule(config, data, onEvent);
    const chosen = chooseBatchSize(ruled, spec, data.classes.length, device, onEvent);
    const start = () => {
      folder.writeEnvironment(environmentOf(chosen, data));
      folder.writeModel({ ...spec });
      // Last, because a folder with a configuration counts as a run.
      folder.writeConfig(chosen);
    };
    return await run(folder, chosen, spec, data, budget, options, start);
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
  const folder = RunFolder.open(options.run);
  const unlock = folder.lock();
  try {
    return await resumeIn(folder, options);
  } finally {
    unlock();
  }
}

async function resumeIn(folder: RunFolder, options: ResumeOptions): Promise<TrainResult> {
  const { onEvent = () => {}, changes = {} } = options;
  const { config, notes } = changeOnResume(configOfRun(folder), changes);
  if (!existsSync(config.data)) {
    throw new ConfigError(`${config.data} does not exist; if the data has moved, resume with --data and its new place`);
  }
  requireCacheFolder(config.cache);
  const budget = startBudget(config);
  folder.removeLeftovers();
  const data = await prepareData(config, onEvent);
  const { fingerprint, splitFingerprint } = folder.readEnvironment().dataset;
  if (
    data.fingerprint === fingerprint &&
    splitFingerprint !== undefined &&
    data.splitFingerprint !== splitFingerprint
  ) {
    throw new ConfigError(
      `The images in ${config.data} are in another order or split than when ${options.run} began, so training images could ` +
        'become validation images: restore the order of the rows, or start a new run',
    );
  }
  if (data.fingerprint !== fingerprint) {
    throw new ConfigError(
      `The data in ${config.data} has changed since ${options.run} was started, so the run cannot be resumed; start a new run`,
    );
  }
  if (notes.length > 0) {
    folder.writeConfig(config);
    for (const text of notes) onEvent({ type: 'note', text });
  }
  return run(folder, config, modelOfRun(folder, config), data, budget, options);
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

/** The clock of the training, which runs from now on; null without a budget. */
const startBudget = ({ budget }: Config): TimeBudget | null =>
  budget === '' ? null : new TimeBudget(budget, performance.now());

/** Sets device, threads and memory as the configuration says. Returns the device. */
function prepareMachine(config: Config): string {
  const device = chooseDevice(config.device);
  prepareDevice(device, config);
  chooseThreads(config.threads);
  keepFreedMemory();
  return device;
}

/** Trains what is left of a run. Of a new one, `start` writes the configuration once the model is known to fit it. */
async function run(
  folder: RunFolder,
  config: RunConfig,
  spec: ModelSpec,
  data: Prepared,
  budget: TimeBudget | null,
  options: Pick<ResumeOptions, 'run' | 'onEvent' | 'signal'>,
  start?: () => void,
): Promise<TrainResult> {
  const { onEvent = () => {}, signal } = options;
  const device = prepareMachine(config);
  const half = chooseHalfType(config, device);
  requireCudaGraphs(config, device, half);
  manualSeed(config.seed);
  const model = buildModel(spec, config, data.classes.length, device);
  start?.();
  const preset = presetAt(spec.preset, config.imageSize);
  const cache = openTrainingCache(config, preset, data, onEvent);
  const validation = evaluationLoader(config, preset, data.val, device, cache);
  const isInterrupted = (): boolean => signal?.aborted ?? false;
  const expectedTime = new ExpectedTime();
  const shared = { config, data, spec, model, preset, device, half, folder, cache, validation };
  const context: TrainingContext = { ...shared, onEvent, isInterrupted, expectedTime, budget };
  let state: TrainingState | null = null;
  try {
    state = TrainingState.load(folder.last, model);
    if (!state) {
      const loaded = await loadBackbone(model, spec, config, onEvent).catch((error: unknown) => {
        if (start && !mayLoadLater(error)) folder.undoStart();
        throw error;
      });
      onEvent({
        type: 'note',
        text: loaded
          ? `Backbone: ${spec.name}, weights from ${loaded.path}`
          : 'No pretrained weights: training from scratch.',
      });
      folder.writeModel({ ...spec, loaded });
      state = TrainingState.start(config);
    }
    const wasFinished = state.position.phase === 'done';
    const finished = await runPhases(context, state);
    // A kill between writing the checkpoint and the list of epochs leaves an old list.
    folder.writeEpochs(state.position.epochs);
    return { ...resultOf(options.run, state.position, !finished), wasFinished };
  } finally {
    state?.dispose();
    nn.disposeModule(model);
    await validation.close();
  }
}

/** Whether weights that could not be loaded may be loaded when the run is resumed: they are there, but not within reach. */
function mayLoadLater(error: unknown): boolean {
  return error instanceof WeightsError && error.code !== 'not-found' && error.code !== 'invalid';
}

/** Runs what is left of the training. Returns false if it was interrupted. */
async function runPhases(context: TrainingContext, state: TrainingState): Promise<boolean> {
  const { config, folder, model } = context;
  const { position } = state;
  // Nothing has been trained before labels are judged, so an interruption here costs no result.
  if (config.labelNoise === 'auto' && state.labels === null && !(await judgeLabels(context, state))) return false;
  if (position.phase === 'head') {
    if (!(await headPhase(context, state))) return false;
    state.enterFullPhase();
  }
  if (position.phase === 'full') {
    const planned = await planFullPhase(context, state);
    if (!planned || !(await fullPhase(planned, state))) return false;
    position.phase = 'done';
    state.save(folder.last, model);
  }
  return true;
}

function resultOf(
  run: string,
  { epochs, stoppedEarly }: Position,
  interrupted: boolean,
): Omit<TrainResult, 'wasFinished'> {
  const best = epochs.findLast((epoch) => epoch.best);
  return { run, epochs, ...(best ? { best } : {}), interrupted, stoppedEarly };
}
