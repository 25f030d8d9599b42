import type { Tensor } from '@evenhand/torch';
import { type AugmentOptions, epochOrder, Loader, type Sample, softEpochOrder } from '../../data/index.js';
import type { ImageModel } from '../../models/index.js';
import type { EpochMetrics, RunFolder } from '../../run/index.js';
import type { Config } from '../config/fields.js';
import { samplerOptions } from '../config/settings.js';
import type { TrainEvent } from '../events.js';
import { presetAt } from '../setup/backend.js';
import type { Prepared } from '../setup/prepare.js';

/** How far a training has come: with the tensors of `Checkpoint`, all that it takes to go on. */
export interface Position {
  phase: 'head' | 'full' | 'done';
  /** Counted from 0 within the phase: the epoch that runs or comes next. */
  epoch: number;
  /** Batches done in it. */
  step: number;
  /** Of the batches done in it. */
  lossSum: number;
  /** Seconds spent in it before an interruption. */
  seconds: number;
  epochs: EpochMetrics[];
  stoppedEarly: boolean;
  /** Whether labels have been judged anew in the full phase. */
  refreshed?: boolean;
}

/** What training takes its images for. */
export interface Labels {
  /** Probabilities of classes, float32 [N,K]; null where labels are taken as given. */
  readonly train: Float32Array | null;
  /** The same of the validation images, for scores; null where they are taken as given. */
  readonly val: Float32Array | null;
}

export const AS_GIVEN: Labels = { train: null, val: null };

/** What the phases of a training share. */
export interface Session {
  readonly config: Config;
  readonly data: Prepared;
  readonly model: ImageModel;
  readonly device: string;
  readonly folder: RunFolder;
  readonly position: Position;
  /** What images are taken for; judged in the course of training where `labelNoise` is auto. */
  labels: Labels;
  /** The optimiser's and the averages' tensors of the checkpoint that the session began from, if any. */
  readonly restored: ReadonlyMap<string, Tensor>;
  readonly validation: Loader;
  readonly onEvent: (event: TrainEvent) => void;
  readonly interrupted: () => boolean;
}

/** The number of an epoch over both phases: what the random choices about its images depend on. */
export function epochNumber({ config, position }: Session): number {
  return position.phase === 'head' ? position.epoch : config.headEpochs + position.epoch;
}

/** Incomplete batches are left out, unless there is no complete one. */
export function batchesOf(session: Session): { batches: number; dropLast: boolean } {
  const { batchSize } = session.config;
  const samples = session.data.train.length;
  const dropLast = samples >= batchSize;
  return { batches: dropLast ? Math.floor(samples / batchSize) : 1, dropLast };
}

/** The training images of the epoch at hand in order, drawn by what they are taken for. */
export function orderOf(session: Session, seed: number): Int32Array {
  const { config, data, labels } = session;
  const [options, epoch] = [samplerOptions(config), epochNumber(session)];
  if (labels.train !== null) {
    return softEpochOrder({ posterior: labels.train, numClasses: data.classes.length }, options, seed, epoch);
  }
  return epochOrder(
    data.train.map(({ label }) => label),
    options,
    seed,
    epoch,
  );
}

export function trainingLoader({ config, data }: Session, size: number): Loader {
  return new Loader({
    samples: data.train,
    batchSize: config.batchSize,
    preset: presetAt(config, size),
    augment: augmentOptions(config),
    seed: config.seed,
    ...workerOptions(config),
  });
}

export function evaluationLoader(config: Config, samples: readonly Sample[]): Loader {
  return new Loader({ samples, batchSize: config.batchSize, preset: presetAt(config), ...workerOptions(config) });
}

const workerOptions = ({ workers }: Config) => (workers > 0 ? { workers } : {});

function augmentOptions(config: Config): AugmentOptions {
  const { cropScale, cropRatio, horizontalFlip, verticalFlip, rotation, erasing, policy } = config;
  const { brightness, contrast, saturation, hue } = config;
  return {
    scale: cropScale,
    ratio: cropRatio,
    horizontalFlip,
    verticalFlip,
    rotation,
    erasing,
    colorJitter: { brightness, contrast, saturation, hue },
    ...(policy === 'none' ? {} : { policy: { kind: policy === 'rand-augment' ? 'randAugment' : 'trivialAugment' } }),
  };
}

/** Tells progress through an epoch of `total` images, of which `done` were done before the clock started. */
export class Meter {
  readonly #begin = performance.now();

  constructor(
    private readonly session: Session,
    private readonly stage: 'features' | 'head' | 'full' | 'validate',
    private readonly total: number,
    private readonly before = 0,
  ) {}

  get seconds(): number {
    return (performance.now() - this.#begin) / 1000;
  }

  tell(done: number, training: { loss?: number; learningRate?: number } = {}): void {
    const { config, position, onEvent } = this.session;
    onEvent({
      type: 'progress',
      stage: this.stage,
      epoch: position.epoch + 1,
      epochs: position.phase === 'head' ? config.headEpochs : config.epochs,
      done,
      total: this.total,
      imagesPerSecond: (done - this.before) / this.seconds,
      ...training,
    });
  }
}
