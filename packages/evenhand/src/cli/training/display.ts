import { formatInterval, formatScore } from '../../format.js';
import { chosenInterval, type EpochMetrics, RunError, RunFolder } from '../../run/index.js';
import type { Progress, TrainEvent } from '../../train/index.js';
import { printableMessage } from '../output/errors.js';
import { StatusLine } from '../output/files.js';
import { bar, duration } from '../output/text.js';

/** How often a line of progress is printed if there is no terminal. */
const PLAIN_PROGRESS_MS = 30_000;

const stages: Record<Progress['stage'], string> = {
  scan: 'reading images',
  duplicates: 'searching for duplicates',
  features: 'features',
  labels: 'judging labels',
  head: 'head',
  full: 'full',
  validate: 'validating',
};

/** A training of a cross-validation. */
type PartOfFolds = Extract<TrainEvent, { type: 'fold' | 'final' }>;

const FINAL: Record<Extract<TrainEvent, { type: 'final' }>['combine'], string> = {
  refit: 'One network on all images',
  soup: 'One network with the mean of the weights of the folds',
  distil: 'One network on all images, towards the held-out predictions',
};

/** Shows a training: a progress bar on a terminal, one line per epoch. Every line is also written to the run's log. */
export class Display {
  readonly #status = new StatusLine();
  readonly #log: RunLog;
  #header = false;
  #lastPlain = performance.now();
  #epochs = 0;
  /** Duration of the last complete epoch of the full phase. */
  #epochSeconds: number | undefined;
  #part: PartOfFolds | undefined;

  readonly #isSilent: boolean;

  /** @param rank of a process that a launcher started: only the first shows anything, the others write a log of their own */
  constructor(run: string, rank = 0) {
    this.#log = new RunLog(run, rank);
    this.#isSilent = rank > 0;
  }

  line(text: string): void {
    if (!this.#isSilent) {
      this.#status.clear();
      console.log(text);
    }
    this.#log.write(text);
  }

  /** Writes to the log only. */
  record(text: string): void {
    this.#log.write(text);
  }

  event(event: TrainEvent): void {
    if (event.type === 'note') {
      this.line(printableMessage(event.text));
      if (event.details !== undefined) this.record(printableMessage(event.details));
    } else if (event.type === 'epoch') this.#epoch(event.metrics);
    else if (event.type === 'fold') this.#begin(event, `Fold ${event.fold} of ${event.folds}`);
    else if (event.type === 'final') this.#begin(event, FINAL[event.combine]);
    else this.#progress(event);
  }

  clear(): void {
    this.#status.clear();
  }

  #begin(part: PartOfFolds, title: string): void {
    this.#part = part;
    this.#header = false;
    this.line(`\n${title}`);
  }

  #epoch(metrics: EpochMetrics): void {
    if (!this.#header) this.line(epochHeader(metrics));
    this.#header = true;
    if (metrics.phase === 'full') this.#epochSeconds = metrics.seconds;
    this.line(epochLine(metrics, this.#epochs));
  }

  #progress(progress: Progress): void {
    if (progress.epochs > 0) this.#epochs = progress.epochs;
    if (this.#isSilent) return;
    this.#status.show(
      () => progressLine(progress, this.#epochSeconds, this.#status.width, this.#part),
      progress.done === progress.total,
    );
    const now = performance.now();
    if (this.#status.visible || now - this.#lastPlain < PLAIN_PROGRESS_MS) return;
    this.#lastPlain = now;
    this.line(progressLine(progress, this.#epochSeconds, 0, this.#part));
  }
}

/**
 * `full 3/20 ████····  45 %  13.4 img/s  loss 1.234  lr 9.8e-5  left 1:40 (total 52:10)`, in a cross-validation after
 * `fold 2/5`; no bar if `width` is 0. The total is for the folds to come too.
 */
export function progressLine(
  progress: Progress,
  epochSeconds: number | undefined,
  width: number,
  part?: PartOfFolds,
): string {
  const { stage, epoch, epochs, done, total, imagesPerSecond, loss, learningRate } = progress;
  const share = total === 0 ? 1 : done / total;
  const fold = part?.type === 'fold' ? part : undefined;
  const within = fold ? `fold ${fold.fold}/${fold.folds} ` : part ? 'final ' : '';
  const start = `${within}${stages[stage]}${epochs > 0 ? ` ${epoch}/${epochs}` : ''}`;
  const facts = [
    `${Math.floor(share * 100)} %`.padStart(5),
    `${imagesPerSecond.toFixed(imagesPerSecond < 100 ? 1 : 0)} img/s`,
  ];
  if (loss !== undefined) facts.push(`loss ${loss.toFixed(3)}`);
  if (learningRate !== undefined) facts.push(`lr ${learningRate.toExponential(1)}`);
  const left = secondsLeft(progress, epochSeconds, fold);
  if (left !== undefined) {
    facts.push(`left ${duration(left.epoch)}${left.all > left.epoch ? ` (total ${duration(left.all)})` : ''}`);
  }
  const rest = facts.join('  ');
  const room = Math.min(24, width - start.length - rest.length - 3);
  return room < 4 ? `${start} ${rest}` : `${start} ${bar(share, room, '·')} ${rest}`;
}

/**
 * Seconds until the end of an epoch, and of the epochs and folds to come; undefined before there is a speed.
 *
 * @param epochSeconds the duration of the last complete epoch of the full phase
 */
export function secondsLeft(
  { stage, epoch, epochs, done, total, imagesPerSecond }: Progress,
  epochSeconds: number | undefined,
  cross?: { readonly fold: number; readonly folds: number },
): { readonly epoch: number; readonly all: number } | undefined {
  if (!(imagesPerSecond > 0)) return undefined;
  const left = (total - done) / imagesPerSecond;
  const epochsAfter = epochs - epoch + (cross ? (cross.folds - cross.fold) * epochs : 0);
  // The validation after an epoch is over in a moment; the epochs to come are not.
  const perEpoch =
    stage === 'full' ? (epochSeconds ?? total / imagesPerSecond) : stage === 'validate' ? epochSeconds : 0;
  const after = epochsAfter * (perEpoch ?? 0);
  return { epoch: left, all: left + Math.max(0, after) };
}

const columns = (cells: readonly string[]): string => {
  const widths = [-5, 5, 4, 7, 7, 24, 8, 5, 7];
  return cells
    .map((cell, i) => (widths[i]! < 0 ? cell.padEnd(-widths[i]!) : cell.padStart(widths[i]!)))
    .join(' ')
    .trimEnd();
};

/**
 * The header of the table. It names the classes that Macro F1 averages. If the validation labels are noisy, Macro F1
 * against posterior labels takes its column, and Macro F1 against the given labels that of the validation loss.
 */
export function epochHeader({ numClasses, macroF1Posterior }: EpochMetrics): string {
  return columns([
    'phase',
    'epoch',
    'px',
    'loss',
    ...(macroF1Posterior === undefined
      ? ['val', `Macro F1 (${numClasses} classes)`]
      : ['given', 'F1 vs posterior labels']),
    'accuracy',
    'img/s',
    'time',
  ]);
}

/** A row of the table; a star marks an epoch whose weights are kept until the next star. */
export function epochLine(metrics: EpochMetrics, epochs: number): string {
  const { phase, epoch, size, trainLoss, valLoss, macroF1, macroF1Posterior } = metrics;
  const { value, low, high } = chosenInterval(metrics);
  const rate = metrics.imagesPerSecond;
  const cells = [
    phase === 'new-head' ? 'head' : phase,
    metrics.averaged === undefined ? (epochs >= epoch ? `${epoch}/${epochs}` : String(epoch)) : 'mean',
    String(size),
    trainLoss.toFixed(4),
    macroF1Posterior !== undefined ? formatScore(macroF1) : metrics.numPresent > 0 ? valLoss.toFixed(4) : '',
    metrics.numPresent > 0 ? `${metrics.best ? '* ' : ''}${formatInterval(value, low, high)}` : 'no validation images',
    metrics.numPresent > 0 ? formatScore(metrics.accuracy) : '',
    rate.toFixed(rate < 100 ? 1 : 0),
    duration(metrics.seconds),
  ];
  return columns(cells);
}

/** Writes train.log, or rank-N.log. Lines wait until the run has its folder. */
class RunLog {
  #folder: RunFolder | undefined;
  #waiting: string[] = [];
  #broken = false;

  constructor(
    private readonly run: string,
    private readonly rank: number,
  ) {}

  write(line: string): void {
    if (this.#broken) return;
    const time = new Date().toISOString();
    for (const text of line.split('\n')) this.#waiting.push(`${time}  ${text}`.trimEnd());
    try {
      if (this.#folder === undefined && RunFolder.isRun(this.run)) this.#folder = RunFolder.open(this.run);
      if (this.#folder === undefined) return;
      for (const text of this.#waiting.splice(0)) this.#folder.log(text, this.rank);
    } catch (error) {
      // The training itself fails for the same reason and reports it; the display continues.
      if (!(error instanceof RunError)) throw error;
      this.#broken = true;
    }
  }
}
