import { describeValue, printable } from '../printable.js';
import { RunError } from './errors.js';

/** What is known after an epoch: one line of metrics.jsonl. Scores are in [0, 1], losses in nats. */
export interface EpochMetrics {
  /**
   * `head`: only the head was trained, on frozen features. `full`: the whole network was trained. `new-head`: a new head was
   * trained on the features of the fine-tuned backbone.
   */
  readonly phase: 'head' | 'full' | 'new-head';
  /** Counted from 1 within the phase. */
  readonly epoch: number;
  /** Present if the weights scored are the mean of those after this many last epochs, not those of the last. */
  readonly averaged?: number;
  /** Side length of the training images in pixels. */
  readonly size: number;
  readonly trainLoss: number;
  /** Learning rates at the end of the epoch. */
  readonly backboneRate: number;
  readonly headRate: number;
  readonly valLoss: number;
  readonly accuracy: number;
  readonly balancedAccuracy: number;
  /** Over all classes; a class that is neither present nor predicted counts as 0. */
  readonly macroF1: number;
  /** Bounds of its 95 % interval. */
  readonly macroF1Low: number;
  readonly macroF1High: number;
  /** Over the classes that the validation images have. */
  readonly macroF1Present: number;
  /**
   * Over all classes, against posterior labels, with the bounds of its 95 % interval. Missing if labels were not judged
   * or no label errors were found among the validation images; otherwise it chooses the checkpoint instead of `macroF1`.
   */
  readonly macroF1Posterior?: number;
  readonly macroF1PosteriorLow?: number;
  readonly macroF1PosteriorHigh?: number;
  readonly numClasses: number;
  readonly numPresent: number;
  /** Duration of the whole epoch, including validation. */
  readonly seconds: number;
  /** Speed of training, without validation. */
  readonly imagesPerSecond: number;
  /** Peak memory of the process so far, in 10^6 bytes. */
  readonly peakMemoryMB: number;
  /** Peak memory of tensors on the GPU so far, in 10^6 bytes. Missing on other devices, and if libtorch does not say. */
  readonly peakGpuMemoryMB?: number;
  /** Whether its weights were kept: no earlier epoch was better, or the run keeps the last epoch. */
  readonly best: boolean;
}

/** The best checkpoint's prediction for one validation image: one line of predictions.jsonl. */
export interface ValidationPrediction {
  /** Path relative to the data. */
  readonly file: string;
  /** The label in the data. */
  readonly label: string;
  /** [K]: one logit per class, in the order of the classes. */
  readonly logits: readonly number[];
}

/**
 * Predictions as arrays: true classes [N] and logits [N,K].
 *
 * @param classes [K] names of the run's classes, in the order of the logits
 * @throws RunError if a prediction has a label or a number of logits that does not fit the classes
 */
export function predictionArrays(
  predictions: readonly ValidationPrediction[],
  classes: readonly string[],
): { truth: Int32Array; logits: Float64Array } {
  const indices = new Map(classes.map((name, index) => [name, index]));
  const truth = new Int32Array(predictions.length);
  const logits = new Float64Array(predictions.length * classes.length);
  for (const [i, prediction] of predictions.entries()) {
    const { file, label } = prediction;
    const index = indices.get(label);
    if (index === undefined) {
      throw new RunError(
        `predictions.jsonl is damaged: the label ${describeValue(label)} of ${printable(file)} is not one of the run's classes`,
      );
    }
    if (prediction.logits.length !== classes.length) {
      throw new RunError(
        `predictions.jsonl is damaged: ${printable(file)} has ${prediction.logits.length} logits for ${classes.length} classes`,
      );
    }
    truth[i] = index;
    logits.set(prediction.logits, i * classes.length);
  }
  return { truth, logits };
}

/** The score that chooses the best checkpoint. */
export const chosenScore = ({
  macroF1,
  macroF1Posterior,
}: Pick<EpochMetrics, 'macroF1' | 'macroF1Posterior'>): number => macroF1Posterior ?? macroF1;

/** That score with the bounds of its 95 % interval. */
export function chosenInterval(metrics: EpochMetrics): { value: number; low: number; high: number } {
  const { macroF1Posterior, macroF1PosteriorLow, macroF1PosteriorHigh } = metrics;
  return macroF1Posterior === undefined
    ? { value: metrics.macroF1, low: metrics.macroF1Low, high: metrics.macroF1High }
    : { value: macroF1Posterior, low: macroF1PosteriorLow!, high: macroF1PosteriorHigh! };
}

/** What a run found out about one label: one line of labels.jsonl. */
export interface JudgedLabel {
  /** Path relative to the data. */
  readonly file: string;
  readonly part: 'train' | 'val';
  /** The label in the data. */
  readonly given: string;
  /** The probability that the given label is wrong. */
  readonly wrong: number;
  /** The most probable other label, and its probability. */
  readonly suggested: string;
  readonly suggestedProbability: number;
  /** The probability of each label to be the true one; those below 0.001 are left out. */
  readonly posterior: Readonly<Record<string, number>>;
}

/**
 * Finds the judgement of a validation image's label by its prediction; undefined if the run judged no labels. Runs of
 * version 0.1 on a CSV file named predictions relative to that file instead of its folder: with one more `../`.
 */
export function judgementsOf(
  labels: readonly JudgedLabel[],
): (prediction: Pick<ValidationPrediction, 'file' | 'label'>) => JudgedLabel | undefined {
  const keyOf = (file: string, label: string): string => JSON.stringify([file, label]);
  const byKey = new Map(
    labels.filter(({ part }) => part === 'val').map((judged) => [keyOf(judged.file, judged.given), judged]),
  );
  return ({ file, label }) => byKey.get(keyOf(file, label)) ?? byKey.get(keyOf(file.replace(/^\.\.[\\/]/, ''), label));
}

/** The predictions with the most probable labels instead of the given ones; unchanged if no labels were judged. */
export function withLikelyLabels(
  predictions: readonly ValidationPrediction[],
  labels: readonly JudgedLabel[],
): readonly ValidationPrediction[] {
  const judgementOf = judgementsOf(labels);
  return predictions.map((prediction) => {
    const judged = judgementOf(prediction);
    const isLikelyWrong = judged !== undefined && 1 - judged.wrong < judged.suggestedProbability;
    return isLikelyWrong ? { ...prediction, label: judged.suggested } : prediction;
  });
}

/**
 * The number of training images of each class, [K], as the network has seen them: expected numbers, if the run judged their
 * labels. Null if the run did not record it.
 *
 * @param judged the lines of labels.jsonl
 */
export function expectedClassCounts(
  { classes, classCounts }: Pick<Environment['dataset'], 'classes' | 'classCounts'>,
  judged: readonly JudgedLabel[],
): readonly number[] | null {
  if (classCounts?.length !== classes.length) return null;
  const inTraining = judged.filter(({ part }) => part === 'train');
  if (inTraining.length === 0) return classCounts;
  const counts = new Map(classes.map((name) => [name, 0]));
  for (const { posterior } of inTraining) {
    for (const [name, p] of Object.entries(posterior)) counts.set(name, (counts.get(name) ?? 0) + p);
  }
  return classes.map((name) => counts.get(name)!);
}

/** How far a training is: progress.json, written about once a second by the command line. */
export interface RunProgress {
  /** When it was written, ISO 8601. */
  readonly updated: string;
  /** `training` in a file that is no longer written means that the process was killed. */
  readonly state: 'training' | 'finished' | 'stopped' | 'failed';
  /** Why it failed, one sentence. */
  readonly reason?: string;
  /** What it does: `scan`, `duplicates`, `features`, `labels`, `head`, `full` or `validate`. */
  readonly stage?: string;
  /** Counted from 1, of `folds`. */
  readonly fold?: number;
  readonly folds?: number;
  /** Counted from 1, of `epochs`, within the stage; 0 of 0 where the stage has none. */
  readonly epoch?: number;
  readonly epochs?: number;
  /** Images done, of `total`, in this epoch. */
  readonly done?: number;
  readonly total?: number;
  readonly imagesPerSecond?: number;
  /** Mean training loss of the epoch so far. */
  readonly loss?: number;
  /** The head's learning rate. */
  readonly learningRate?: number;
  /** Seconds until the end of this epoch, and of all epochs as far as known. */
  readonly epochSecondsLeft?: number;
  readonly secondsLeft?: number;
}

/** A GPU: its name, compute capability, memory in 10^6 bytes, and the versions of its driver and of CUDA. */
export interface GpuFacts {
  readonly name?: string;
  readonly capability?: string;
  readonly memoryMB?: number;
  readonly driver?: string;
  readonly cuda?: string;
}

/** What a run's result depends on besides its configuration: environment.json. */
export interface Environment {
  /** Versions of `evenhand`, `node`, `libtorch`, ... */
  readonly versions: Readonly<Record<string, string>>;
  readonly os: string;
  readonly cpu: string;
  readonly cores: number;
  readonly threads: number;
  /** The processes that trained together, each with so many threads; absent for one. */
  readonly processes?: number;
  readonly device: string;
  /** The GPU of the device, without what is unknown; null for another device, missing in older runs. */
  readonly gpu?: GpuFacts | null;
  /** Memory of the machine in 10^6 bytes. */
  readonly memoryMB: number;
  /** The commit of the current folder, and whether it had uncommitted changes; null outside a git repository. */
  readonly git: { readonly commit: string; readonly dirty: boolean } | null;
  readonly dataset: {
    /** SHA-256 of the data. */
    readonly fingerprint: string;
    /** SHA-256 that also holds their order and the split; undefined in runs of version 0.1. */
    readonly splitFingerprint?: string;
    readonly path: string;
    readonly classes: readonly string[];
    /** [K]: number of training images per class. */
    readonly classCounts: readonly number[];
    /** Numbers of images. */
    readonly train: number;
    readonly val: number;
    /** Unreadable images, which were left out. */
    readonly skipped: readonly { readonly file: string; readonly reason: string }[];
  };
  /** ISO 8601. */
  readonly started: string;
}
