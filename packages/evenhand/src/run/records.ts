/** What is known after an epoch: a line of metrics.jsonl. Counts, shares from 0 to 1, and natural-log losses. */
export interface EpochMetrics {
  /** `head`: only the head was trained, on frozen features. `full`: everything was. */
  readonly phase: 'head' | 'full';
  /** Counted from 1 within the phase. */
  readonly epoch: number;
  /** Pixels of a side of the images in training. */
  readonly size: number;
  readonly trainLoss: number;
  /** Learning rates at the epoch's end. */
  readonly backboneRate: number;
  readonly headRate: number;
  readonly valLoss: number;
  readonly accuracy: number;
  readonly balancedAccuracy: number;
  /** Over all classes; one that is neither present nor predicted counts 0. */
  readonly macroF1: number;
  /** Bounds of its 95 % interval. */
  readonly macroF1Low: number;
  readonly macroF1High: number;
  /** Over the classes that the validation images have. */
  readonly macroF1Present: number;
  /**
   * Over all classes, against posterior labels, with the bounds of its 95 % interval. Absent where labels were not judged or
   * no wrong ones were found among the validation images; else it chooses the checkpoint in the place of `macroF1`.
   */
  readonly macroF1Posterior?: number;
  readonly macroF1PosteriorLow?: number;
  readonly macroF1PosteriorHigh?: number;
  readonly numClasses: number;
  readonly numPresent: number;
  /** Of the whole epoch, validation included. */
  readonly seconds: number;
  /** Of training alone. */
  readonly imagesPerSecond: number;
  /** Greatest memory that the process had held so far, in 10^6 bytes. */
  readonly peakMemoryMB: number;
  /** Whether its weights were kept: no epoch before was better, or the run keeps the last. */
  readonly best: boolean;
}

/** What the best epoch's model said of one validation image: a line of predictions.jsonl. */
export interface Prediction {
  /** Path relative to the data. */
  readonly file: string;
  /** The label that the data gives. */
  readonly label: string;
  /** A number a class, in the order of the classes. */
  readonly logits: readonly number[];
}

/**
 * Predictions as arrays: true classes [N] and logits [N,K].
 *
 * @param classes [K] of the run, in the order of the logits
 */
export function predictionArrays(
  predictions: readonly Prediction[],
  classes: readonly string[],
): { truth: Int32Array; logits: Float64Array } {
  const logits = new Float64Array(predictions.length * classes.length);
  for (const [i, row] of predictions.entries()) logits.set(row.logits, i * classes.length);
  return { truth: Int32Array.from(predictions, ({ label }) => classes.indexOf(label)), logits };
}

/** The score by which checkpoints are compared. */
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

/** What a run found of one label: a line of labels.jsonl. */
export interface JudgedLabel {
  /** Path relative to the data. */
  readonly file: string;
  readonly part: 'train' | 'val';
  readonly given: string;
  /** The probability that the given label is wrong. */
  readonly wrong: number;
  /** The most probable other label, and its probability. */
  readonly suggested: string;
  readonly suggestedProbability: number;
  /** Probabilities of the true label, by label; those below 0.001 are left out. */
  readonly posterior: Readonly<Record<string, number>>;
}

/**
 * Finds the judgement of a validation image's label by its prediction; undefined if the run judged no labels. Runs of
 * version 0.1 on a CSV file named predictions relative to that file instead of its folder: with one more `../`.
 */
export function judgementsOf(
  labels: readonly JudgedLabel[],
): (prediction: Pick<Prediction, 'file' | 'label'>) => JudgedLabel | undefined {
  const keyOf = (file: string, label: string): string => JSON.stringify([file, label]);
  const byKey = new Map(
    labels.filter(({ part }) => part === 'val').map((judged) => [keyOf(judged.file, judged.given), judged]),
  );
  return ({ file, label }) => byKey.get(keyOf(file, label)) ?? byKey.get(keyOf(file.replace(/^\.\.[\\/]/, ''), label));
}

/** What a run ran on: environment.json. */
export interface Environment {
  /** Of `evenhand`, `node`, `libtorch`, `sharp`, `libvips`, ... */
  readonly versions: Readonly<Record<string, string>>;
  readonly os: string;
  readonly cpu: string;
  readonly cores: number;
  readonly threads: number;
  readonly device: string;
  /** Of the machine, in 10^6 bytes. */
  readonly memoryMB: number;
  /** The commit that the working folder was at, and whether it had changes; null outside a repository. */
  readonly git: { readonly commit: string; readonly dirty: boolean } | null;
  readonly dataset: {
    /** SHA-256 of names, sizes and labels. */
    readonly fingerprint: string;
    readonly path: string;
    readonly classes: readonly string[];
    /** [K]: training images of each. */
    readonly classCounts: readonly number[];
    /** Numbers of images. */
    readonly train: number;
    readonly val: number;
    /** Unreadable images that were left out. */
    readonly skipped: readonly { readonly file: string; readonly reason: string }[];
  };
  /** ISO 8601. */
  readonly started: string;
}

type Kind = 'number' | 'optional number' | 'string' | 'boolean' | 'numbers' | 'object';

/** The compiler sees to it that these name every key. */
export const epochShape: Record<keyof EpochMetrics, Kind> = {
  phase: 'string',
  epoch: 'number',
  size: 'number',
  trainLoss: 'number',
  backboneRate: 'number',
  headRate: 'number',
  valLoss: 'number',
  accuracy: 'number',
  balancedAccuracy: 'number',
  macroF1: 'number',
  macroF1Low: 'number',
  macroF1High: 'number',
  macroF1Present: 'number',
  macroF1Posterior: 'optional number',
  macroF1PosteriorLow: 'optional number',
  macroF1PosteriorHigh: 'optional number',
  numClasses: 'number',
  numPresent: 'number',
  seconds: 'number',
  imagesPerSecond: 'number',
  peakMemoryMB: 'number',
  best: 'boolean',
};

export const judgedShape: Record<keyof JudgedLabel, Kind> = {
  file: 'string',
  part: 'string',
  given: 'string',
  wrong: 'number',
  suggested: 'string',
  suggestedProbability: 'number',
  posterior: 'object',
};

export const predictionShape: Record<keyof Prediction, Kind> = { file: 'string', label: 'string', logits: 'numbers' };

/**
 * A line of JSON as a record of the given shape; what it lacks is said by the error that is thrown. JSON has no NaN
 * and writes null in its place, as a diverged loss does, so null is read as NaN.
 */
export function parseRecord<T>(line: string, shape: Record<keyof T, Kind>): T {
  const value: unknown = JSON.parse(line, (_, each) => (each === null ? Number.NaN : each));
  if (typeof value !== 'object' || value === null) throw new SyntaxError('it is not an object');
  const record = value as Record<string, unknown>;
  for (const [key, kind] of Object.entries<Kind>(shape)) {
    if (!isKind(record[key], kind)) throw new SyntaxError(`${key} is not ${kind === 'numbers' ? kind : `a ${kind}`}`);
  }
  return record as T;
}

function isKind(value: unknown, kind: Kind): boolean {
  if (kind === 'numbers') return Array.isArray(value) && value.every((each) => typeof each === 'number');
  if (kind === 'object') return typeof value === 'object' && value !== null;
  if (kind === 'optional number') return value === undefined || typeof value === 'number';
  return typeof value === kind;
}
