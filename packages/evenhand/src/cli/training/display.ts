import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { formatInterval, formatScore } from '../../format.js';
import { chosenInterval, type EpochMetrics, RunError, RunFolder } from '../../run/index.js';
import type { Progress, TrainEvent } from '../../train/index.js';
import { StatusLine } from '../output/files.js';
import { bar, duration } from '../output/text.js';

/** Where there is no terminal, a line of progress comes this often. */
const PLAIN_PROGRESS_MS = 30_000;

const stages: Record<Progress['stage'], string> = {
  scan: 'looking at images',
  features: 'features',
  head: 'head',
  full: 'full',
  validate: 'validating',
};

/** Shows a training: a progress bar on a terminal, a line an epoch; every line goes into the run's log, too. */
export class Display {
  readonly #status = new StatusLine();
  readonly #log: RunLog;
  #header = false;
  #lastPlain = performance.now();
  #epochs = 0;
  /** Of the last whole epoch of the full phase. */
  #epochSeconds: number | undefined;

  constructor(run: string) {
    this.#log = new RunLog(run);
  }

  line(text: string): void {
    this.#status.clear();
    console.log(text);
    this.#log.write(text);
  }

  /** For the log alone. */
  record(text: string): void {
    this.#log.write(text);
  }

  event(event: TrainEvent): void {
    if (event.type === 'note') this.line(event.text);
    else if (event.type === 'epoch') this.#epoch(event.metrics);
    else this.#progress(event);
  }

  clear(): void {
    this.#status.clear();
  }

  #epoch(metrics: EpochMetrics): void {
    if (!this.#header) this.line(epochHeader(metrics));
    this.#header = true;
    if (metrics.phase === 'full') this.#epochSeconds = metrics.seconds;
    this.line(epochLine(metrics, this.#epochs));
  }

  #progress(progress: Progress): void {
    if (progress.epochs > 0) this.#epochs = progress.epochs;
    this.#status.show(
      () => progressLine(progress, this.#epochSeconds, this.#status.width),
      progress.done === progress.total,
    );
    const now = performance.now();
    if (this.#status.visible || now - this.#lastPlain < PLAIN_PROGRESS_MS) return;
    this.#lastPlain = now;
    this.line(progressLine(progress, this.#epochSeconds, 0));
  }
}

/** `full 3/20 ████····  45 %  13.4 img/s  loss 1.234  lr 9.8e-5  left 1:40, in all 52:10`; no bar where `width` is 0. */
export function progressLine(progress: Progress, epochSeconds: number | undefined, width: number): string {
  const { stage, epoch, epochs, done, total, imagesPerSecond, loss, learningRate } = progress;
  const part = total === 0 ? 1 : done / total;
  const begin = `${stages[stage]}${epochs > 0 ? ` ${epoch}/${epochs}` : ''}`;
  const facts = [
    `${Math.floor(part * 100)} %`.padStart(5),
    `${imagesPerSecond.toFixed(imagesPerSecond < 100 ? 1 : 0)} img/s`,
  ];
  if (loss !== undefined) facts.push(`loss ${loss.toFixed(3)}`);
  if (learningRate !== undefined) facts.push(`lr ${learningRate.toExponential(1)}`);
  if (imagesPerSecond > 0) {
    const left = (total - done) / imagesPerSecond;
    const after = stage === 'full' ? (epochs - epoch) * (epochSeconds ?? total / imagesPerSecond) : 0;
    facts.push(`left ${duration(left)}${after > 0 ? `, in all ${duration(left + after)}` : ''}`);
  }
  const rest = facts.join('  ');
  const room = Math.min(24, width - begin.length - rest.length - 3);
  return room < 4 ? `${begin} ${rest}` : `${begin} ${bar(part, room, '·')} ${rest}`;
}

const columns = (cells: readonly string[]): string => {
  const widths = [-4, 5, 4, 7, 7, 24, 8, 6, 7];
  return cells
    .map((cell, i) => (widths[i]! < 0 ? cell.padEnd(-widths[i]!) : cell.padStart(widths[i]!)))
    .join(' ')
    .trimEnd();
};

/**
 * The head of the table, which says over which classes Macro F1 is the mean. Where the validation labels are noisy, Macro F1
 * against posterior labels has its place, and that on the labels as given the place of the validation loss.
 */
export function epochHeader({ numClasses, macroF1Posterior }: EpochMetrics): string {
  return columns([
    'part',
    'epoch',
    'px',
    'loss',
    ...(macroF1Posterior === undefined
      ? ['val', `Macro F1 (${numClasses} classes)`]
      : ['given', 'F1 by posterior labels']),
    'accuracy',
    'img/s',
    'time',
  ]);
}

/** A line of the table; a star marks an epoch whose weights are kept until the next star. */
export function epochLine(metrics: EpochMetrics, epochs: number): string {
  const { phase, epoch, size, trainLoss, valLoss, macroF1, macroF1Posterior } = metrics;
  const { value, low, high } = chosenInterval(metrics);
  const rate = metrics.imagesPerSecond;
  const cells = [
    phase,
    epochs >= epoch ? `${epoch}/${epochs}` : String(epoch),
    String(size),
    trainLoss.toFixed(4),
    macroF1Posterior === undefined ? valLoss.toFixed(4) : formatScore(macroF1),
    `${metrics.best ? '* ' : ''}${formatInterval(value, low, high)}`,
    formatScore(metrics.accuracy),
    rate.toFixed(rate < 100 ? 1 : 0),
    duration(metrics.seconds),
  ];
  return columns(cells);
}

/** train.log. Lines wait until the run has its folder. */
class RunLog {
  #folder: RunFolder | undefined;
  #waiting: string[] = [];
  #broken = false;

  constructor(private readonly run: string) {}

  write(line: string): void {
    if (this.#broken) return;
    const time = new Date().toISOString();
    for (const each of line.split('\n')) this.#waiting.push(`${time}  ${each}`.trimEnd());
    try {
      if (this.#folder === undefined && existsSync(join(this.run, 'config.json')))
        this.#folder = RunFolder.open(this.run);
      if (this.#folder === undefined) return;
      for (const each of this.#waiting.splice(0)) this.#folder.log(each);
    } catch (error) {
      // The training itself meets the same trouble and says what it means; the display goes on.
      if (!(error instanceof RunError)) throw error;
      this.#broken = true;
    }
  }
}
