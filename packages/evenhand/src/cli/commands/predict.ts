import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ImageError, mostFrequentClass, NotDone, type Outcome, viewsOf } from '@evenhand/predict';
import { type Unlabelled, type UnlabelledSource, unlabelledCsv, unlabelledFiles } from '../../data/index.js';
import { plural } from '../../format.js';
import type { Command } from '../command.js';
import { parseFlags } from '../options/flags.js';
import { exitCodes } from '../output/errors.js';
import { csv, StatusLine, writeLines } from '../output/files.js';
import { bar, duration, quoted } from '../output/text.js';
import { type PredictSettings, predictFlags, settingsOf } from '../predict/flags.js';
import { type Entry, Journal } from '../predict/journal.js';
import { deadlineOf, type Opened, openModel } from '../predict/open.js';
import { large, small } from '../predict/text.js';

export const predict: Command = {
  name: 'predict',
  usage: ['predict MODEL IMAGE|FOLDER... [OPTIONS]', 'predict MODEL --csv FILE [--images DIR] [OPTIONS]'],
  about: [
    'Answers what images show, without a network. MODEL is a model.onnx of evenhand, or a run folder that has one. ' +
      'Answers are printed, or written as CSV: with --csv a row for every row, in the same order.',
    'An image that is missing or cannot be read never stops it: its row gets the class of which training saw most, it is ' +
      'named on standard error, and the exit code is 3. Interrupted, what is done is kept, and --resume goes on.',
  ],
  flags: predictFlags,
  async run(args) {
    const settings = await settingsOf(parseFlags('predict', args, predictFlags));
    const source =
      settings.csv === undefined ? await unlabelledFiles(settings.paths) : await unlabelledCsv(settings.csv, settings);
    const { count, fingerprint } = await lookThrough(source);
    const opened = await openModel(settings, count);
    try {
      return await new Prediction(settings, source, count, opened).run(fingerprint);
    } finally {
      await opened.model?.close();
    }
  },
};

/** How many images there are, and a hash of which: reads the source once, so that its mistakes show at the start. */
async function lookThrough(source: UnlabelledSource): Promise<{ count: number; fingerprint: string }> {
  const hash = createHash('sha256');
  let count = 0;
  for await (const { id, file } of source.rows()) {
    hash.update(`${id}\0${file}\n`);
    count++;
  }
  return { count, fingerprint: hash.digest('hex') };
}

class Prediction {
  readonly #fallback: string;
  readonly #status = new StatusLine();
  readonly #begin = performance.now();
  /** Answers by their number of views. */
  readonly #byViews = new Map<number, number>();
  #unread = 0;
  #notDone = 0;
  /** Without an answer since before an interruption. */
  #before = 0;
  /** Whether it was said that views are dropped. */
  #dropped = false;
  #stopping = false;

  constructor(
    private readonly settings: PredictSettings,
    private readonly source: UnlabelledSource,
    private readonly count: number,
    private readonly opened: Opened,
  ) {
    this.#fallback = mostFrequentClass(opened.metadata);
  }

  async run(fingerprint: string): Promise<number> {
    const { out } = this.settings;
    const journal = out === undefined ? undefined : await this.#journal(out, fingerprint);
    const stop = (): void => {
      this.#stopping = true;
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const signal of signals) process.once(signal, stop);
    this.#before = journal?.unanswered ?? 0;
    let done = journal?.done ?? 0;
    const from = done;
    try {
      done = await this.#answer(journal, done);
      if (done < this.count) {
        journal?.close(false);
        return this.#interrupted(done);
      }
      if (journal !== undefined) await this.#write(journal);
      journal?.close(true);
    } catch (error) {
      journal?.close(false);
      throw error;
    } finally {
      for (const signal of signals) process.off(signal, stop);
      this.#status.clear();
    }
    return this.#summary(done - from);
  }

  #journal(out: string, fingerprint: string): Promise<Journal> {
    const { model, tta, probs, resume } = this.settings;
    const head = {
      model: createHash('sha256').update(readFileSync(model)).digest('hex'),
      tta,
      images: fingerprint,
      probs: probs !== undefined,
    };
    return Journal.open(out, head, resume);
  }

  /** Answers the rows from the first one without an answer on; returns how many have one. */
  async #answer(journal: Journal | undefined, from: number): Promise<number> {
    const { tta, topK } = this.settings;
    const rows: Unlabelled[] = [];
    const files = this.#files(from, rows);
    const deadline = deadlineOf(this.settings, this.count);
    const limit = deadline === undefined ? {} : { deadline, count: this.count - from };
    const outcomes = this.opened.model?.predictAll(files, { tta, topK, ...limit }) ?? nothingDone(files);
    let done = from;
    for await (const outcome of outcomes) {
      const row = rows.shift()!;
      const entry = this.#entry(row, outcome);
      journal?.add(entry);
      this.#print(row, outcome, entry);
      done++;
      this.#status.show(() => this.#progress(done, from), done === this.count);
    }
    return done;
  }

  /** The paths in order; each row is put into `rows`, where it waits for its answer. */
  async *#files(from: number, rows: Unlabelled[]): AsyncGenerator<string> {
    let at = 0;
    for await (const row of this.source.rows()) {
      if (this.#stopping) return;
      if (at++ < from) continue;
      rows.push(row);
      yield row.file;
    }
  }

  #entry(row: Unlabelled, outcome: Outcome): Entry {
    if ('label' in outcome) {
      const { label, probability, views, probabilities } = outcome;
      if (views < viewsOf(this.settings.tta).length && !this.#dropped) this.#sayDropped();
      this.#byViews.set(views, (this.#byViews.get(views) ?? 0) + 1);
      const all = this.settings.probs === undefined ? {} : { probabilities: Array.from(probabilities) };
      return { label, probability, views, ...all };
    }
    if (outcome instanceof NotDone) this.#notDone++;
    else {
      this.#unread++;
      this.#status.clear();
      process.stderr.write(`evenhand: ${row.file}: ${outcome.reason}; it gets the class ${this.#fallback}\n`);
    }
    return { label: this.#fallback, probability: null, views: 0, error: outcome.reason };
  }

  #print(row: Unlabelled, outcome: Outcome, entry: Entry): void {
    const { json, out } = this.settings;
    const answer = 'label' in outcome ? outcome : undefined;
    if (json) {
      const { label, probability, views, error } = entry;
      const about = answer === undefined ? { error } : { top: answer.top, views };
      console.log(JSON.stringify({ id: row.id, file: row.file, label, probability, ...about }));
    } else if (out === undefined) {
      this.#status.clear();
      if (answer !== undefined) console.log(this.count === 1 ? large(row, answer) : small(row, answer));
      else if (outcome instanceof ImageError) console.log(`${row.file}  (cannot be read)`);
    }
  }

  #progress(done: number, from: number): string {
    const rate = ((done - from) * 1000) / (performance.now() - this.#begin);
    const facts = `${done} of ${this.count}  ${rate.toFixed(1)} img/s  left ${duration((this.count - done) / rate)}`;
    const room = Math.min(24, this.#status.width - facts.length - 14);
    return room < 4 ? `predicting ${facts}` : `predicting ${bar(done / this.count, room, '·')} ${facts}`;
  }

  /** Makes the files of the answers in the journal. */
  async #write(journal: Journal): Promise<void> {
    const { out, probs } = this.settings;
    const { classes } = this.opened.metadata;
    await writeLines(
      out!,
      this.#table(journal, ['label'], ({ label }) => [label]),
    );
    // An image without an answer has no probabilities: the cells of its row are empty.
    const none = classes.map(() => '');
    const digits = (p: number): string => p.toPrecision(8);
    const cells = ({ probabilities }: Entry) => probabilities?.map(digits) ?? none;
    if (probs !== undefined) await writeLines(probs, this.#table(journal, classes, cells));
  }

  /** Lines of CSV: the ids, and cells of the answers. */
  async *#table(
    journal: Journal,
    columns: readonly string[],
    cells: (entry: Entry) => readonly string[],
  ): AsyncGenerator<string> {
    yield csv([[this.source.idName, ...columns]]);
    const entries = journal.entries();
    for await (const { id } of this.source.rows()) {
      const { value } = await entries.next();
      yield csv([[id, ...cells(value as Entry)]]);
    }
  }

  #interrupted(done: number): number {
    const { out } = this.settings;
    const kept =
      out === undefined
        ? `interrupted after ${plural(done, 'image')} of ${this.count.toLocaleString('en')}`
        : `interrupted; ${plural(done, 'answer')} of ${this.count.toLocaleString('en')} are kept: ` +
          `the same command with --resume goes on and writes ${quoted(out)}`;
    process.stderr.write(`evenhand: ${kept}\n`);
    return exitCodes.interrupted;
  }

  #sayDropped(): void {
    this.#dropped = true;
    this.#status.clear();
    const { tta } = this.settings;
    process.stderr.write(`evenhand: --tta ${tta} does not fit into the time limit: views are dropped\n`);
  }

  #summary(answered: number): number {
    const { out, probs, json } = this.settings;
    const seconds = (performance.now() - this.#begin) / 1000;
    const rate = seconds > 0 ? ` (${(answered / seconds).toFixed(1)} img/s)` : '';
    const lines: string[] = [];
    if (out !== undefined) {
      const device = this.opened.model === undefined ? '' : ` on ${this.opened.model.device}`;
      lines.push(`Answered ${plural(answered, 'image')} in ${duration(seconds)}${rate}${device}.`);
      const files = [`answers: ${quoted(out)}`, ...(probs === undefined ? [] : [`probabilities: ${quoted(probs)}`])];
      lines.push(`Written: ${files.join(', ')}`);
    }
    const wanted = viewsOf(this.settings.tta).length;
    const views = [...this.#byViews].sort(([a], [b]) => b - a);
    if (views.some(([number]) => number < wanted)) {
      const kinds = views.map(([number, images]) => `${plural(images, 'image')} with ${plural(number, 'view')}`);
      lines.push(`To keep the time limit: ${kinds.join(', ')}, where ${wanted} were asked for.`);
    }
    const fallback = `have the class of which training saw most, ${this.#fallback}`;
    if (this.#notDone > 0) lines.push(`There was no time for ${plural(this.#notDone, 'image')}: they ${fallback}.`);
    const unread = this.#unread + this.#before;
    if (unread > 0) lines.push(`${plural(unread, 'image')} could not be read: they ${fallback}.`);
    const unanswered = this.#notDone + unread > 0;
    if (unanswered || (out !== undefined && json)) for (const line of lines) process.stderr.write(`${line}\n`);
    else if (out !== undefined) for (const line of lines) console.log(line);
    return unanswered ? exitCodes.incomplete : exitCodes.done;
  }
}

async function* nothingDone(files: AsyncIterable<string>): AsyncGenerator<Outcome> {
  for await (const _ of files) yield new NotDone();
}
