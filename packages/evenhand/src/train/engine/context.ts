import type { Preset } from '@evenhand/predict';
import type { Loader, RecordCache } from '../../data/index.js';
import type { ImageModel, ModelSpec } from '../../models/index.js';
import type { RunFolder } from '../../run/index.js';
import type { Config, RunConfig } from '../config/fields.js';
import type { Progress, TrainEvent } from '../events.js';
import type { HalfType } from '../setup/device.js';
import type { Prepared } from '../setup/prepare.js';
import type { ExpectedTime } from './expected-time.js';
import type { FeaturePool } from './frozen-features.js';
import { type Group, isMain } from './group.js';
import type { Position, TrainingState } from './state.js';
import type { TimeBudget } from './time-budget.js';

/** What the phases of a training share, and what does not change in its course. */
export interface TrainingContext {
  readonly config: RunConfig;
  readonly data: Prepared;
  readonly spec: ModelSpec;
  readonly model: ImageModel;
  /** Preprocessing at the final image size. */
  readonly preset: Preset;
  readonly device: string;
  readonly group: Group;
  /** What it computes convolutions and matrix products in. */
  readonly half: HalfType;
  readonly folder: RunFolder;
  /** Decoded images; undefined if they are not cached. */
  readonly cache: RecordCache | undefined;
  /** The frozen features that the folds of a cross-validation share; absent for other trainings. */
  readonly pool?: FeaturePool;
  /** Number of trainings as long as this one that follow it: the folds to come. */
  readonly later?: number;
  /** The validation images; null if there are none. */
  readonly validation: Loader | null;
  readonly onEvent: (event: TrainEvent) => void;
  readonly expectedTime: ExpectedTime;
  /** Null without a budget. */
  readonly budget: TimeBudget | null;
  /** Whether the user has asked this process to stop. */
  readonly isInterrupted: () => boolean;
}

/** Writes the checkpoint. The state of all processes is the same, so one of them does. */
export function saveCheckpoint({ group, folder, model }: TrainingContext, state: TrainingState): void {
  if (isMain(group)) state.save(folder.last, model);
}

/** The number of the current epoch over all phases, from which random choices about its images are derived. */
export function globalEpoch(config: Config, { position }: TrainingState): number {
  const before = { head: 0, full: config.headEpochs, 'new-head': config.headEpochs + config.epochs, done: 0 };
  return before[position.phase] + position.epoch;
}

/** Epochs of a phase. */
const epochsOf = (config: Config, phase: Position['phase']): number =>
  ({ head: config.headEpochs, full: config.epochs, 'new-head': config.newHeadEpochs, done: 0 })[phase];

/** Number of batches in an epoch. An incomplete batch is dropped, unless there is no complete one. */
export function countBatches(samples: number, batchSize: number): { batches: number; dropLast: boolean } {
  const dropLast = samples >= batchSize;
  return { batches: dropLast ? Math.floor(samples / batchSize) : 1, dropLast };
}

/** Reports progress through an epoch of `total` images, of which `before` were done before the clock started. */
export class ProgressMeter {
  readonly #start = performance.now();

  constructor(
    private readonly context: TrainingContext,
    private readonly state: TrainingState,
    private readonly stage: Exclude<Progress['stage'], 'scan' | 'duplicates'>,
    private readonly total: number,
    private readonly before = 0,
  ) {}

  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** @param done images of the epoch that are done, `before` included */
  report(done: number, training: { loss?: number; learningRate?: number } = {}): void {
    const { config, onEvent, expectedTime, budget } = this.context;
    const { position } = this.state;
    budget?.note(position);
    const imagesPerSecond = (done - this.before) / this.seconds;
    onEvent({
      type: 'progress',
      stage: this.stage,
      epoch: position.epoch + 1,
      epochs: epochsOf(config, position.phase),
      done,
      total: this.total,
      imagesPerSecond,
      ...training,
    });
    const { stage } = this;
    // A budget says itself how long it takes.
    if (budget) return;
    const areLabelsJudged = config.labelNoise === 'off' || this.state.labels !== null;
    if (stage === 'full' || (stage === 'features' && areLabelsJudged && position.phase === 'head')) {
      expectedTime.report(this.context, this.state, stage, { done, imagesPerSecond, seconds: this.seconds });
    }
  }
}
