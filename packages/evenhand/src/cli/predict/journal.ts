import { appendFileSync, closeSync, createReadStream, existsSync, openSync, rmSync, truncateSync } from 'node:fs';
import type { Part } from '../../part.js';
import { UsageError } from '../output/errors.js';
import { guardedWrite } from '../output/files.js';

/** The prediction for one row, as it is kept until all rows are done. */
export interface Entry {
  readonly label: string;
  /** The probability of the label; null if the image could not be predicted. */
  readonly probability: number | null;
  /** [K], if they are requested. */
  readonly probabilities?: readonly number[];
  readonly views: number;
  /** Why the image could not be predicted; the label is then the most frequent class. */
  readonly error?: string;
}

/** What predictions must have in common to be written to one file. */
export type Head = Readonly<Record<string, string | number | boolean>>;

/** How a message calls what differs in the head. */
const HEAD_NAMES: Readonly<Record<string, string>> = {
  model: 'model',
  tta: '--tta',
  images: 'list of images',
  probs: 'choice of --probs',
};

/** How many lines wait at most before they are written, and for how many milliseconds. */
const MAX_WAITING = 64;
const MAX_WAIT = 1000;

/**
 * The predictions so far, in a file next to the output: one line of JSON per row, after a line that identifies model,
 * images and settings. It survives an interruption or a crash and is removed when all rows are done.
 */
export class Journal {
  readonly #path: string;
  readonly #descriptor: number;
  #waiting: string[] = [];
  #lastWrite = performance.now();
  #written: number;

  private constructor(
    path: string,
    descriptor: number,
    /** Rows done by an interrupted prediction. */
    readonly done: number,
    /** Rows among them without a prediction of their own. */
    readonly failed: number,
  ) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.#written = done;
  }

  /**
   * Starts a journal for the file `out`, or continues the existing one. That of a shard is continued unasked.
   *
   * @throws UsageError if there is a journal and `resume` is false, or `resume` is true and there is none that fits
   */
  static async open(out: string, head: Head, resume: boolean, shard?: Part): Promise<Journal> {
    const path = journalPath(out, shard);
    const exists = existsSync(path);
    if (!exists && resume) {
      throw new UsageError(`${out}: nothing was interrupted (there is no ${path}); start without --resume`);
    }
    if (exists && !resume && shard === undefined) {
      throw new UsageError(
        `${path} has the predictions of an interrupted run; continue it with --resume, or remove the file to start over`,
      );
    }
    const kept = exists ? await readKept(path, head) : undefined;
    const descriptor = guardedWrite(path, () => {
      if (exists) truncateSync(path, kept?.bytes ?? 0);
      return openSync(path, 'a');
    });
    const journal = new Journal(path, descriptor, kept?.done ?? 0, kept?.failed ?? 0);
    if (kept === undefined) {
      try {
        journal.#append(`${JSON.stringify(head)}\n`);
      } catch (error) {
        journal.close({ remove: true });
        throw error;
      }
    }
    return journal;
  }

  /** Rows that are in the file. */
  get written(): number {
    return this.#written;
  }

  add(entry: Entry): void {
    this.#waiting.push(JSON.stringify(entry));
    if (this.#waiting.length >= MAX_WAITING || performance.now() - this.#lastWrite > MAX_WAIT) this.flush();
  }

  flush(): void {
    const lines = this.#waiting;
    if (lines.length === 0) return;
    this.#waiting = [];
    this.#append(`${lines.join('\n')}\n`);
    this.#written += lines.length;
  }

  #append(text: string): void {
    guardedWrite(this.#path, () => appendFileSync(this.#descriptor, text));
    this.#lastWrite = performance.now();
  }

  /** All entries in order, including those of the interrupted prediction. */
  async *entries(): AsyncGenerator<Entry> {
    this.flush();
    yield* entriesIn(this.#path);
  }

  /** Closes the file, which stays for `--resume` or `--merge` unless it is to be removed or has no predictions. */
  close({ remove, isShard = false }: { readonly remove: boolean; readonly isShard?: boolean }): void {
    try {
      if (!remove) this.flush();
    } finally {
      closeSync(this.#descriptor);
      if (remove || (this.#written === 0 && !isShard)) rmSync(this.#path, { force: true });
    }
  }
}

/** The journal of the file `out`, or of one of its shards. */
export const journalPath = (out: string, shard?: Part): string =>
  shard === undefined ? `${out}.partial` : `${out}.shard-${shard.index}-of-${shard.count}`;

/** The entries of a journal in order. */
export async function* entriesIn(path: string): AsyncGenerator<Entry> {
  let isHead = true;
  for await (const line of linesOf(path)) {
    if (!isHead) yield JSON.parse(line) as Entry;
    isHead = false;
  }
}

/** The complete lines. Not `readline`, which also splits at line separators that JSON allows in strings. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  for await (const part of createReadStream(path, 'utf8')) {
    const lines = (rest + part).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
}

/**
 * The valid part of a journal, whose last line may be cut off by a crash; undefined if there is none.
 *
 * @throws UsageError if its head is another than `head`
 */
export async function readKept(
  path: string,
  head: Head,
): Promise<{ bytes: number; done: number; failed: number } | undefined> {
  let bytes = 0;
  let done = -1;
  let failed = 0;
  for await (const line of linesOf(path)) {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      break;
    }
    if (done < 0) requireSame(path, head, value as Head);
    else if ((value as Entry).error !== undefined) failed++;
    bytes += Buffer.byteLength(line) + 1;
    done++;
  }
  return done < 0 ? undefined : { bytes, done, failed };
}

function requireSame(path: string, head: Head, found: Head): void {
  const key = Object.keys(head).find((name) => head[name] !== found[name]);
  if (key === undefined) return;
  throw new UsageError(
    `${path} belongs to a prediction with another ${HEAD_NAMES[key] ?? key} and cannot be resumed; ` +
      'remove the file to start over',
  );
}
