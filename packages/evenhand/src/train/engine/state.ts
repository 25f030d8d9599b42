import { existsSync } from 'node:fs';
import {
  keep,
  loadStateDict,
  nn,
  openWeights,
  type optim,
  readTensors,
  saveTensors,
  scope,
  type Tensor,
  tensor,
  type WeightsFile,
} from '@evenhand/torch';
import type { ImageModel } from '../../models/index.js';
import type { EpochMetrics } from '../../run/index.js';
import type { Config } from '../config/fields.js';
import type { Ema } from './ema.js';
import type { BudgetRecord } from './time-budget.js';
import type { LossScale } from './update.js';
import type { WeightAverage } from './weight-average.js';

/** The training targets: class probabilities, or null if labels are taken as given. */
export interface SoftLabels {
  /** Of the training images, float32 [N,K]. */
  readonly train: Float32Array | null;
  /** Of the validation images, float32 [M,K]; used for scores only. */
  readonly val: Float32Array | null;
}

/** How far a training has come. It is saved as JSON, beside the tensors. */
export interface Position {
  phase: EpochMetrics['phase'] | 'done';
  /** The current epoch of the phase, counted from 0. */
  epoch: number;
  /** Batches done in this epoch. */
  step: number;
  /** Their size; absent before the first batch. */
  batchSize?: number;
  /** Sum of the losses of these batches. */
  lossSum: number;
  /** Seconds spent in this epoch before an interruption. */
  seconds: number;
  /** Metrics of all epochs that have ended. */
  epochs: EpochMetrics[];
  stoppedEarly: boolean;
  /** The processes that train together; absent for one. */
  processes?: number;
  /** In float16 only. */
  lossScale?: LossScale;
  /** Whether the labels have been judged again in the full phase. */
  refreshed?: boolean;
  /** Epochs in the mean of the weights, and whether it has been scored; only with `average`. */
  averagedEpochs?: number;
  isAverageScored?: boolean;
  /** With a budget only. */
  budget?: BudgetRecord;
}

/**
 * Everything that changes in the course of a training, apart from the weights of the model. Together with them it is the
 * checkpoint: `save` writes one file, so that tensors and position cannot disagree, and `load` reads it.
 */
export class TrainingState {
  /** Null until labels have been judged, if the configuration asks for that. */
  labels: SoftLabels | null = null;
  optimizer: optim.Optimizer | null = null;
  ema: Ema | null = null;
  average: WeightAverage | null = null;
  /** Tensors of the optimizer and the EMA in the checkpoint, until a phase takes them. */
  #saved: Map<string, Tensor>;

  private constructor(
    readonly position: Position,
    saved: Map<string, Tensor> = new Map(),
  ) {
    this.#saved = saved;
  }

  /** The state before the first epoch. */
  static start({ headEpochs }: Config): TrainingState {
    const phase = headEpochs > 0 ? 'head' : 'full';
    return new TrainingState({
      phase,
      epoch: 0,
      step: 0,
      lossSum: 0,
      seconds: 0,
      epochs: [],
      stoppedEarly: false,
    });
  }

  /** Reads the checkpoint and puts its weights into `model`; null if there is none. */
  static load(file: string, model: ImageModel): TrainingState | null {
    if (!existsSync(file)) return null;
    const checkpoint = openWeights(file);
    try {
      const position = positionIn(checkpoint);
      return scope(() => {
        const tensors = readTensors(checkpoint);
        loadStateDict(model, withPrefix('model', tensors));
        const saved = new Map([...tensors].filter(([key]) => /^(optimizer|ema|average)\./.test(key)));
        for (const value of saved.values()) keep(value);
        const state = new TrainingState(position, saved);
        state.labels = labelsFrom(withPrefix('labels', tensors));
        return state;
      });
    } finally {
      checkpoint.close();
    }
  }

  /** Begins a phase with its optimizer and EMA, which continue from the checkpoint if it was written in this phase. */
  beginPhase(optimizer: optim.Optimizer, ema: Ema | null = null, average: WeightAverage | null = null): void {
    this.optimizer = optimizer;
    this.ema = ema;
    this.average = average;
    optimizer.loadStateDict(withPrefix('optimizer', this.#saved));
    ema?.loadStateDict(withPrefix('ema', this.#saved));
    average?.loadStateDict(withPrefix('average', this.#saved), this.position.averagedEpochs ?? 0);
    this.#releaseSaved();
  }

  /** Counts the batches done in this epoch by another size, which a resumed run may have. */
  countBatchesOf(batchSize: number): void {
    const { position } = this;
    const { batchSize: before = batchSize, step } = position;
    position.batchSize = batchSize;
    if (step === 0 || before === batchSize) return;
    position.step = Math.floor((step * before) / batchSize);
    position.lossSum *= position.step / step;
  }

  /** Ends a phase, and frees its optimizer and averages. */
  endPhase(): void {
    this.optimizer?.dispose();
    this.ema?.dispose();
    this.average?.dispose();
    this.optimizer = null;
    this.ema = null;
    this.average = null;
  }

  /** Moves on from the phase before. */
  enterPhase(phase: 'full' | 'new-head'): void {
    Object.assign(this.position, { phase, epoch: 0 });
    // A checkpoint at the very end of a phase has its optimizer.
    this.#releaseSaved();
  }

  /** Writes the checkpoint. */
  save(file: string, model: ImageModel): void {
    scope(() => {
      const tensors = new Map([
        ...prefixed('model', nn.stateDict(model)),
        ...(this.optimizer ? prefixed('optimizer', this.optimizer.stateDict()) : []),
        ...(this.ema ? prefixed('ema', this.ema.stateDict()) : []),
        ...(this.average ? prefixed('average', this.average.stateDict()) : []),
        ...(this.labels ? prefixed('labels', labelTensors(this.labels)) : []),
      ]);
      saveTensors(file, tensors, { position: JSON.stringify(this.position) });
    });
  }

  dispose(): void {
    this.endPhase();
    this.#releaseSaved();
  }

  #releaseSaved(): void {
    for (const saved of this.#saved.values()) saved.dispose();
    this.#saved = new Map();
  }
}

/** The position in a checkpoint; null if there is none. */
export function readPosition(file: string): Position | null {
  if (!existsSync(file)) return null;
  const checkpoint = openWeights(file);
  try {
    return positionIn(checkpoint);
  } finally {
    checkpoint.close();
  }
}

const positionIn = (checkpoint: WeightsFile): Position => JSON.parse(checkpoint.metadata.get('position')!);

const prefixed = (prefix: string, tensors: ReadonlyMap<string, Tensor>) =>
  [...tensors].map(([key, value]) => [`${prefix}.${key}`, value] as const);

/** The tensors whose keys begin with `prefix.`, without the prefix. */
function withPrefix(prefix: string, tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const start = `${prefix}.`;
  return new Map(
    [...tensors].filter(([key]) => key.startsWith(start)).map(([key, value]) => [key.slice(start.length), value]),
  );
}

/** `judged` marks that labels were judged, even if they were then taken as given. */
function labelTensors(labels: SoftLabels): Map<string, Tensor> {
  const tensors = new Map([['judged', tensor([1])]]);
  for (const part of ['train', 'val'] as const) {
    const values = labels[part];
    if (values !== null) tensors.set(part, tensor(values, [values.length]));
  }
  return tensors;
}

function labelsFrom(saved: ReadonlyMap<string, Tensor>): SoftLabels | null {
  if (!saved.has('judged')) return null;
  const read = (part: 'train' | 'val') => (saved.get(part)?.toArray() as Float32Array | undefined) ?? null;
  return { train: read('train'), val: read('val') };
}
