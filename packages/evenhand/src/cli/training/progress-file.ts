import { RunFolder } from '../../run/index.js';
import type { Progress, TrainEvent } from '../../train/index.js';
import { secondsLeft } from './display.js';
import type { Outcome } from './parent.js';

/** At most this often, so that a network file system has little to do. */
const EVERY_MS = 1000;

/** Writes progress.json of a run, for whoever watches the folder. */
export class ProgressFile {
  #fold: { readonly fold: number; readonly folds: number } | undefined;
  /** Duration of the last complete epoch of the full phase. */
  #epochSeconds: number | undefined;
  #last: Progress | undefined;
  #written = Number.NEGATIVE_INFINITY;

  constructor(private readonly run: string) {}

  event(event: TrainEvent): void {
    if (event.type === 'fold') this.#fold = { fold: event.fold, folds: event.folds };
    else if (event.type === 'final') this.#fold = undefined;
    if (event.type === 'epoch' && event.metrics.phase === 'full') this.#epochSeconds = event.metrics.seconds;
    if (event.type !== 'progress') return;
    this.#last = event;
    const now = performance.now();
    if (now - this.#written < EVERY_MS) return;
    this.#written = now;
    const left = secondsLeft(event, this.#epochSeconds, this.#fold);
    this.#write('training', left && { epochSecondsLeft: left.epoch, secondsLeft: left.all });
  }

  end(outcome: Outcome): void {
    // Nothing was begun: the folder may be in the hands of another process.
    if (this.#last === undefined && outcome.type !== 'done') return;
    if (outcome.type === 'done') this.#write(outcome.result.interrupted ? 'stopped' : 'finished');
    else if (outcome.type === 'stopped') this.#write('stopped');
    else if (outcome.type === 'failed') this.#write('failed', { reason: outcome.report.text });
    else this.#write('failed', { reason: `the training process was ended by ${outcome.cause}` });
  }

  #write(state: 'training' | 'finished' | 'stopped' | 'failed', more: object = {}): void {
    const { type: _, ...progress } = this.#last ?? { type: undefined };
    try {
      if (!RunFolder.isRun(this.run)) return;
      const updated = new Date().toISOString();
      RunFolder.open(this.run).writeProgress({ updated, state, ...this.#fold, ...progress, ...more });
    } catch {
      // The training itself fails for the same reason and reports it, or the child has removed the temporary file.
    }
  }
}
