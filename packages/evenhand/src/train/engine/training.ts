import { keepFreedMemory, manualSeed, nn } from '@evenhand/torch';
import type { RecordCache } from '../../data/index.js';
import { plural } from '../../format.js';
import { type ModelSpec, WeightsError } from '../../models/index.js';
import { type EpochMetrics, RunFolder } from '../../run/index.js';
import type { Config, RunConfig } from '../config/fields.js';
import type { TrainEvent } from '../events.js';
import { chooseDevice, chooseHalfType, chooseThreads, prepareDevice, requireCudaGraphs } from '../setup/device.js';
import { openTrainingCache } from '../setup/image-cache.js';
import { buildModel, loadBackbone, presetAt } from '../setup/model.js';
import type { Prepared } from '../setup/prepare.js';
import { saveCheckpoint, type TrainingContext } from './context.js';
import { takeLabels } from './earlier-labels.js';
import { ExpectedTime } from './expected-time.js';
import { type FeaturePool, frozenFeatures, type ImageFeatures } from './frozen-features.js';
import { fullPhase } from './full-phase.js';
import { copyFromMain, coresOf, type Group, isMain, worldSizeOf } from './group.js';
import { headPhase, newHeadPhase } from './head-phase.js';
import { judgeLabels } from './label-noise.js';
import { labelsOfMain } from './labels-of-main.js';
import { evaluationLoader } from './loaders.js';
import { type Position, TrainingState } from './state.js';
import { planFullPhase, type TimeBudget } from './time-budget.js';

export interface TrainingOptions {
  readonly onEvent: (event: TrainEvent) => void;
  readonly signal?: AbortSignal | undefined;
  readonly budget?: TimeBudget | null;
  /** Of a new run: writes the configuration once the model is known to fit it. */
  readonly start?: () => void;
  readonly group?: Group;
  /** What the trainings of a cross-validation have in common. */
  readonly shared?: SharedByFolds;
  /** What is done in the place of the two phases. */
  readonly phases?: Phases;
}

/** Trains what is left. Returns false if it was interrupted. */
export type Phases = (context: TrainingContext, state: TrainingState) => Promise<boolean>;

export interface SharedByFolds {
  readonly cache: RecordCache | undefined;
  readonly pool: FeaturePool;
  readonly expectedTime: ExpectedTime;
  /** Number of trainings to come. */
  readonly later: number;
}

/** How a training ended. */
export interface Trained {
  readonly epochs: readonly EpochMetrics[];
  /** The epoch whose weights are in best.safetensors; absent if no epoch has ended. */
  readonly best?: EpochMetrics;
  readonly interrupted: boolean;
  /** Whether a resumed run had finished before, so that nothing was trained. */
  readonly wasFinished: boolean;
  /** Whether `patience` ended the training before the last epoch. */
  readonly stoppedEarly: boolean;
}

/** Trains what is left of a run. */
export async function trainWhatIsLeft(
  folder: RunFolder,
  config: RunConfig,
  spec: ModelSpec,
  data: Prepared,
  { onEvent, signal, budget = null, group = null, start, shared, phases = runPhases }: TrainingOptions,
): Promise<Trained> {
  const device = prepareMachine(config, group);
  const half = chooseHalfType(config, device);
  requireCudaGraphs(config, device, half);
  manualSeed(config.seed);
  const model = buildModel(spec, config, data.classes.length, device);
  start?.();
  const preset = presetAt(spec.preset, config.imageSize);
  const cache = shared ? shared.cache : openTrainingCache(config, preset, data, onEvent);
  const validation = data.val.length > 0 ? evaluationLoader(config, preset, data.val, device, cache, group) : null;
  const isInterrupted = (): boolean => signal?.aborted ?? false;
  const facts = {
    config,
    data,
    spec,
    model,
    preset,
    device,
    group,
    half,
    folder,
    validation,
    onEvent,
    isInterrupted,
    budget,
  };
  const context: TrainingContext = { ...facts, ...(shared ?? { cache, expectedTime: new ExpectedTime() }) };
  let state: TrainingState | null = null;
  try {
    state = TrainingState.load(folder.last, model);
    if (!state) {
      const loaded = !isMain(group)
        ? null
        : await loadBackbone(model, spec, config, onEvent).catch((error: unknown) => {
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
    copyFromMain(group, nn.stateDict(model).values());
    noteProcesses(state.position, group, onEvent);
    const wasFinished = state.position.phase === 'done';
    const finished = await phases(context, state);
    // A kill between writing the checkpoint and the list of epochs leaves an old list.
    folder.writeEpochs(state.position.epochs);
    return { ...trained(state.position, !finished), wasFinished };
  } finally {
    state?.dispose();
    nn.disposeModule(model);
    await validation?.close();
  }
}

/** Whether weights that could not be loaded may be loaded when the run is resumed: they are there, but not within reach. */
function mayLoadLater(error: unknown): boolean {
  return error instanceof WeightsError && error.code !== 'not-found' && error.code !== 'invalid';
}

/** Says if a run goes on with another number of processes, which add up their gradients in another order. */
function noteProcesses(position: Position, group: Group, onEvent: (event: TrainEvent) => void): void {
  const before = position.processes ?? 1;
  const now = worldSizeOf(group);
  const hasBegun = position.step > 0 || position.epochs.length > 0;
  if (hasBegun && before !== now) {
    const text = `The run goes on with ${plural(now, 'process', 'processes')} in place of ${before}: its result is not that of an uninterrupted run to the last bit.`;
    onEvent({ type: 'note', text });
  }
  if (now > 1) position.processes = now;
  else delete position.processes;
}

/** Judges the labels if that is asked for, and trains head and whole network. */
export async function runPhases(context: TrainingContext, state: TrainingState): Promise<boolean> {
  const { config } = context;
  const { position } = state;
  if (position.phase === 'done') return true;
  // Judging labels and the head phase share features.
  const frozen = frozenFeatures(context, state);
  try {
    if (!(await findLabels(context, state, frozen))) return false;
    if (position.phase === 'head') {
      if (!(await headPhase(context, state, frozen))) return false;
      state.enterPhase('full');
    }
  } finally {
    await frozen.close();
  }
  if (position.phase === 'full') {
    const planned = await planFullPhase(context, state);
    if (!planned || !(await fullPhase(planned, state))) return false;
    // If the whole network was not trained, its features are those of the head phase.
    if (planned.config.epochs > 0 && config.newHeadEpochs > 0) state.enterPhase('new-head');
  }
  if (position.phase === 'new-head' && !(await newHeadPhase(context, state))) return false;
  position.phase = 'done';
  saveCheckpoint(context, state);
  return true;
}

/**
 * Sets the labels to train on as the configuration says, once per training. Nothing has been trained before, so an
 * interruption here costs no result.
 *
 * @returns false if it was interrupted
 */
async function findLabels(context: TrainingContext, state: TrainingState, frozen: ImageFeatures): Promise<boolean> {
  const { config, group } = context;
  if (state.labels !== null || config.labelNoise === 'off') return true;
  if (config.labelNoise === 'auto') return judgeLabels(context, state, frozen);
  if (isMain(group)) takeLabels(context, state, RunFolder.open(config.labelNoise));
  state.labels = labelsOfMain(group, state.labels);
  return true;
}

/** How a training ended, by its position. */
export function trained({ epochs, stoppedEarly }: Position, interrupted: boolean): Omit<Trained, 'wasFinished'> {
  const best = epochs.findLast((epoch) => epoch.best);
  return { epochs, ...(best ? { best } : {}), interrupted, stoppedEarly };
}

/** Sets device, threads and memory as the configuration says. Returns the device. */
export function prepareMachine(config: Config, group: Group = null): string {
  const device = chooseDevice(config.device, group);
  prepareDevice(device, config);
  chooseThreads(config.threads, coresOf(group));
  keepFreedMemory();
  return device;
}
