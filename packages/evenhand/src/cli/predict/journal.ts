import { appendFileSync, closeSync, createReadStream, existsSync, openSync, rmSync, truncateSync } from 'node:fs';
import { UsageError } from '../output/errors.js';
import { guardedWrite } from '../output/files.js';

/** The answer to one row, as it is kept while the others are still to come. */
export interface Entry {
  readonly label: string;
  /** Of the label; null of a row whose image gave no answer. */
  readonly probability: number | null;
  /** [K], where they are asked for. */
  readonly probabilities?: readonly number[];
  readonly views: number;
  /** Why the image gave no answer; the label then is the most frequent class's. */
  readonly error?: string;
}

/** What answers must have in common to stand in one file. */
export type Head = Readonly<Record<string, string | number | boolean>>;

/** Lines that wait before they are written, and how long at most, in milliseconds. */
const WAITING = 64;
const WAIT = 1000;

/**
 * The answers of a prediction that runs, beside the file that they will make: a line of JSON each, after one that says
 * what they are answers to. It survives an interruption or a crash, and is gone when all is done.
 */
export class Journal {
  readonly #path: string;
  readonly #descriptor: number;
  #waiting: string[] = [];
  #written = performance.now();

  private constructor(
    path: string,
    descriptor: number,
    /** Answers that an interrupted run has left. */
    readonly done: number,
    /** Images without an answer among them. */
    readonly unanswered: number,
  ) {
    this.#path = path;
    this.#descriptor = descriptor;
  }

  /**
   * Begins the journal of the answers that become the file `out`, or goes on with the one that is there.
   *
   * @throws UsageError where there is one and `resume` is not asked for, or none that fits where it is
   */
  static async open(out: string, head: Head, resume: boolean): Promise<Journal> {
    const path = pathOf(out);
    const there = existsSync(path);
    if (!there && resume) {
      throw new UsageError(`${out}: nothing was interrupted (there is no ${path}); start without --resume`);
    }
    if (there && !resume) {
      throw new UsageError(
        `${path} holds the answers of an interrupted prediction: go on with it by --resume, or remove it to begin anew`,
      );
    }
    const kept = there ? await readKept(path, head) : undefined;
    if (there) truncateSync(path, kept?.bytes ?? 0);
    const descriptor = guardedWrite(path, () => openSync(path, 'a'));
    const journal = new Journal(path, descriptor, kept?.done ?? 0, kept?.unanswered ?? 0);
    if (kept === undefined) {
      journal.#waiting.push(JSON.stringify(head));
      journal.flush();
    }
    return journal;
  }

  add(entry: Entry): void {
    this.#waiting.push(JSON.stringify(entry));
    if (this.#waiting.length >= WAITING || performance.now() - this.#written > WAIT) this.flush();
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    const text = `${this.#waiting.join('\n')}\n`;
    this.#waiting = [];
    guardedWrite(this.#path, () => appendFileSync(this.#descriptor, text));
    this.#written = performance.now();
  }

  /** All answers in order, those of before among them. */
  async *entries(): AsyncGenerator<Entry> {
    this.flush();
    let head = true;
    for await (const line of linesOf(this.#path)) {
      if (!head) yield JSON.parse(line) as Entry;
      head = false;
    }
  }

  /** Ends it; what it holds stays for `--resume` unless `remove`. */
  close(remove: boolean): void {
    if (!remove) this.flush();
    closeSync(this.#descriptor);
    if (remove) rmSync(this.#path, { force: true });
  }
}

const pathOf = (out: string): string => `${out}.partial`;

/** The lines that have an end. Not by `readline`, which also splits at line separators that JSON leaves in a string. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  for await (const part of createReadStream(path, 'utf8')) {
    const lines = (rest + part).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
}

/** What of a journal is whole, undefined where nothing is: a crash can cut its last line short. */
async function readKept(
  path: string,
  head: Head,
): Promise<{ bytes: number; done: number; unanswered: number } | undefined> {
  let bytes = 0;
  let done = -1;
  let unanswered = 0;
  for await (const line of linesOf(path)) {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      break;
    }
    if (done < 0) requireSame(path, head, value as Head);
    else if ((value as Entry).error !== undefined) unanswered++;
    bytes += Buffer.byteLength(line) + 1;
    done++;
  }
  return done < 0 ? undefined : { bytes, done, unanswered };
}

function requireSame(path: string, head: Head, found: Head): void {
  const other = Object.keys(head).find((key) => head[key] !== found[key]);
  if (other === undefined) return;
  throw new UsageError(
    `${path} was begun with another ${other}, so its answers cannot be gone on with: remove it to begin anew`,
  );
}
