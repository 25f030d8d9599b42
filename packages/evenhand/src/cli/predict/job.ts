import { ModelError, mostFrequentClass, NotDone, type Outcome, viewsOf } from '@evenhand/predict';
import type { Unlabelled, UnlabelledSource } from '../../data/index.js';
import { plural } from '../../format.js';
import { rangeOf } from '../../part.js';
import { printable } from '../../printable.js';
import { exitCodes, reportError, systemReason, UsageError } from '../output/errors.js';
import { StatusLine } from '../output/files.js';
import { bar, duration, quoted } from '../output/text.js';
import { endNow } from './end-now.js';
import type { PredictSettings } from './flags.js';
import { type Entry, Journal, journalPath } from './journal.js';
import { deadlineOf, headOf, type OpenedModel } from './open.js';
import { describeOutput, isPrediction, Tally } from './tally.js';
import { describeInDetail, describeInLine, printableFile } from './text.js';
import type { Watch } from './watch.js';
import { writePredictions } from './write.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One prediction of all images: it predicts, prints, keeps a journal and writes the files. */
export class PredictionJob {
  readonly #fallback: string;
  /** The rows to predict: all of them, or those of a shard. */
  readonly #rows: { readonly start: number; readonly end: number };
  readonly #count: number;
  readonly #status = new StatusLine();
  readonly #start = performance.now();
  #tally = new Tally(0);
  #journal: Journal | undefined;
  #modelFailure: ModelError | undefined;
  #hasWarnedOfDroppedViews = false;
  #stopping = false;

  constructor(
    private readonly settings: PredictSettings,
    private readonly source: UnlabelledSource,
    total: number,
    private readonly opened: OpenedModel,
    private readonly watch: Watch,
  ) {
    this.#fallback = mostFrequentClass(opened.metadata);
    this.#rows = settings.shard ? rangeOf(settings.shard, total) : { start: 0, end: total };
    this.#count = this.#rows.end - this.#rows.start;
  }

  /** Resolves to the exit code. @param fingerprint of the list of images */
  async run(fingerprint: string): Promise<number> {
    const { out, resume, shard } = this.settings;
    if (out !== undefined) {
      const head = headOf(this.settings, this.opened.hash, fingerprint, shard);
      this.#journal = await Journal.open(out, head, resume, shard);
    }
    const first = this.#journal?.done ?? 0;
    this.#tally = new Tally(this.#journal?.failed ?? 0);
    const stop = (): void => {
      if (this.#stopping) this.#quit();
      this.#stopping = true;
    };
    for (const signal of SIGNALS) process.on(signal, stop);
    try {
      const done = await this.#predict(first);
      this.watch.stop();
      if (done < this.#count) return this.#interrupt(done);
      // A damaged model may fail on some images; one that fails on all is not usable.
      if (this.#modelFailure && first === 0 && this.#tally.empty) throw this.#modelFailure;
      const { classes } = this.opened.metadata;
      const journal = this.#journal;
      if (journal && !shard) await writePredictions(this.settings, this.source, classes, () => journal.entries());
      journal?.close({ remove: !shard, isShard: shard !== undefined });
    } catch (error) {
      throw this.#saveAfter(error);
    } finally {
      for (const signal of SIGNALS) process.off(signal, stop);
      this.#status.clear();
    }
    return this.#summarise(this.#count - first);
  }

  /** Predicts the rows from `first` on; returns how many rows are done. */
  async #predict(first: number): Promise<number> {
    const { tta, topK } = this.settings;
    const rows: Unlabelled[] = [];
    const files = this.#files(first, rows);
    const deadline = deadlineOf(this.settings, this.#count);
    const limit = deadline === undefined ? {} : { deadline, count: this.#count - first };
    const why = this.opened.model?.whyNotCuda;
    if (why !== undefined) this.#warn(`CUDA is not used: ${why}`);
    const outcomes = this.opened.model?.predictAll(files, { tta, topK, ...limit }) ?? skipAll(files);
    let done = first;
    for await (const outcome of outcomes) {
      this.watch.progress();
      const row = rows.shift()!;
      done++;
      const file = row.file === '' ? `row ${done} of ${this.settings.csv}` : row.file;
      this.#tally.add(outcome);
      this.#report(file, outcome);
      const entry = this.#entryOf(outcome);
      this.#journal?.add(entry);
      this.#print(row.id, file, outcome, entry);
      this.#status.show(() => this.#describeProgress(done, first), done === this.#count);
    }
    return done;
  }

  /** The paths in order; each row is added to `rows`, where it waits for its outcome. */
  async *#files(first: number, rows: Unlabelled[]): AsyncGenerator<string> {
    let index = 0;
    for await (const row of this.source.rows()) {
      if (this.#stopping) return;
      const position = index++ - this.#rows.start;
      if (position >= this.#count) return;
      if (position < first) continue;
      rows.push(row);
      yield row.file;
    }
  }

  #entryOf(outcome: Outcome): Entry {
    if (!isPrediction(outcome)) return { label: this.#fallback, probability: null, views: 0, error: outcome.reason };
    const { label, probability, views, probabilities } = outcome;
    const all = this.settings.probs === undefined ? {} : { probabilities: Array.from(probabilities) };
    return { label, probability, views, ...all };
  }

  /** Says on standard error what is wrong with an image. */
  #report(file: string, outcome: Outcome): void {
    if (isPrediction(outcome)) {
      if (outcome.warning !== undefined) this.#warn(`${printableFile(file)}: ${outcome.warning}`);
      const { tta } = this.settings;
      const { members = 1 } = this.opened.metadata;
      const hasAll = outcome.views === viewsOf(tta).length && outcome.members === members;
      if (hasAll || this.#hasWarnedOfDroppedViews) return;
      this.#hasWarnedOfDroppedViews = true;
      this.#warn(
        outcome.members < members
          ? `${members} networks do not fit into the time limit; using fewer`
          : `--tta ${tta} does not fit into the time limit; using fewer views`,
      );
    } else if (!(outcome instanceof NotDone)) {
      if (outcome instanceof ModelError) this.#modelFailure ??= outcome;
      const reason = printable(outcome.reason, 1000).replace(/\.$/, '');
      const assigned = `assigned the most frequent class, ${printable(this.#fallback)}`;
      this.#warn(`${printableFile(file)}: ${reason}; ${assigned}`);
    }
  }

  #warn(text: string): void {
    this.#status.clear();
    process.stderr.write(`evenhand: ${text}\n`);
  }

  #print(id: string, file: string, outcome: Outcome, entry: Entry): void {
    const { json, out } = this.settings;
    if (json) {
      const { label, probability, views, error } = entry;
      const details = isPrediction(outcome) ? { top: outcome.top, views, members: outcome.members } : { error };
      console.log(JSON.stringify({ id, file, label, probability, ...details }));
    } else if (out === undefined) {
      this.#status.clear();
      if (!isPrediction(outcome)) console.log(`${printableFile(file)}  (not predicted)`);
      else console.log(this.#count === 1 ? describeInDetail(file, outcome) : describeInLine(file, outcome));
    }
  }

  #describeProgress(done: number, first: number): string {
    const rate = ((done - first) * 1000) / (performance.now() - this.#start);
    const left = duration((this.#count - done) / rate);
    const facts = `${done} of ${this.#count}  ${rate.toFixed(1)} images/s  ${left} left`;
    const room = Math.min(24, this.#status.width - facts.length - 14);
    return room < 4 ? `predicting ${facts}` : `predicting ${bar(done / this.#count, room, '·')} ${facts}`;
  }

  /** The first interruption: finishes the images in progress, and saves. */
  #interrupt(done: number): number {
    const kept = this.#close();
    this.#warn(`interrupted after ${done.toLocaleString('en')} of ${plural(this.#count, 'image')}${kept}`);
    return exitCodes.interrupted;
  }

  /** The second interruption: saves what is done. */
  #quit(): never {
    this.#warn(`interrupted${this.#close()}`);
    return endNow(exitCodes.interrupted);
  }

  /** Closes the journal; returns the end of a sentence on how to continue, empty if there is nothing to continue. */
  #close(): string {
    const journal = this.#journal;
    if (journal === undefined) return '';
    journal.close({ remove: false });
    return journal.written === 0
      ? ''
      : this.settings.shard
        ? `; ${plural(journal.written, 'prediction')} saved: run the same command to continue`
        : `; ${plural(journal.written, 'prediction')} saved: run the same command with --resume to continue and write ` +
          quoted(this.settings.out!);
  }

  /** Saves what is done after a failure; returns the error to throw. */
  #saveAfter(error: unknown): unknown {
    let resume = '';
    try {
      if (error === this.#modelFailure) this.#journal?.close({ remove: true });
      else resume = this.#close();
    } catch {
      // The disk is full, for example, which `error` says already.
    }
    if (resume === '') return error;
    const isKnown = error instanceof UsageError || error instanceof ModelError || systemReason(error) !== undefined;
    if (!isKnown) {
      this.#warn(`failed${resume}`);
      return error;
    }
    return new UsageError(`${reportError(error).text.replace(/\.$/, '')}${resume}`, { cause: error });
  }

  #summarise(predicted: number): number {
    const { out, probs, json, tta, shard } = this.settings;
    const seconds = (performance.now() - this.#start) / 1000;
    const { model } = this.opened;
    const file = out !== undefined && shard ? journalPath(out, shard) : out;
    const written = file === undefined ? undefined : { out: file, probs: shard ? undefined : probs };
    const lines = written === undefined ? [] : describeOutput(predicted, seconds, model?.device, written);
    if (shard)
      lines.push(
        `This is shard ${shard.index} of ${shard.count}: when all are there, run the command with --merge instead of --shard.`,
      );
    lines.push(...this.#tally.describe(viewsOf(tta).length, this.opened.metadata.members ?? 1, this.#fallback));
    const { incomplete } = this.#tally;
    const print = incomplete || json ? console.error : console.log;
    for (const line of lines) print(line);
    return incomplete ? exitCodes.incomplete : exitCodes.done;
  }
}

async function* skipAll(files: AsyncIterable<string>): AsyncGenerator<Outcome> {
  for await (const _ of files) yield new NotDone();
}
