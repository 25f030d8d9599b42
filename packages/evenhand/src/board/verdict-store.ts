import { EventEmitter } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { type Correction, CorrectionsError, correctionsCsv, correctionsOf, type Verdict } from '../corrections.js';
import { DataError, readCsv } from '../data/index.js';
import { printable } from '../printable.js';
import { writeFileAtomic } from '../write-file-atomic.js';

/** A verdict on an image, or null for none. */
export interface VerdictChange {
  readonly file: string;
  /** The label in the data. */
  readonly given: string;
  readonly verdict: Verdict | null;
  /** The label from now on, for `accept`. */
  readonly label: string;
  /** The change takes this verdict back, and is left out if another one has replaced it meanwhile. */
  readonly undoes?: { readonly verdict: Verdict; readonly label: string };
}

/** Verdicts that cannot be saved: one sentence that says why. */
export class VerdictError extends Error {}

/** Times that a file is read again because someone else has written it. */
const MAX_TRIES = 5;

/** By path: writes happen one after the other, also those of several audits of the same data. */
const lastWrites = new Map<string, Promise<unknown>>();

/**
 * The corrections.csv of a data set, which several pages change at the same time. Each change concerns one image, of two on
 * the same image the later one counts, and verdicts on others stay as they are, also those that another program writes.
 * Emits `change` with what the changed images have now.
 */
export class VerdictStore extends EventEmitter<{ change: [VerdictChange[]] }> {
  /**
   * @param path of corrections.csv
   * @param classes all labels of the data
   * @param knows whether the data have an image with a label
   */
  constructor(
    readonly path: string,
    private readonly classes: readonly string[],
    private readonly knows: (file: string, given: string) => boolean,
  ) {
    super();
    // As many pages may be open as a person likes.
    this.setMaxListeners(0);
  }

  /** Changes whenever the file does; empty if there is none. */
  version(): string {
    const stats = statSync(this.path, { throwIfNoEntry: false });
    return stats === undefined ? '' : `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
  }

  /** @throws VerdictError if there is a file that cannot be read */
  async read(): Promise<Correction[]> {
    if (!existsSync(this.path)) return [];
    try {
      const table = await readCsv(this.path);
      const [, , , , further] = table.columns;
      if (further !== undefined) {
        throw new VerdictError(`${this.path} has a further column, "${printable(further)}": move it away first.`);
      }
      return correctionsOf(table, this.path, this.classes).map(({ line: _, ...correction }) => correction);
    } catch (error) {
      if (error instanceof DataError || error instanceof CorrectionsError) throw new VerdictError(error.message);
      throw error;
    }
  }

  /**
   * Saves changes, and returns what the changed images have now.
   *
   * @throws VerdictError if a change is not of this data, or the file cannot be read or written; then none is saved
   */
  change(changes: readonly VerdictChange[]): Promise<VerdictChange[]> {
    const changed = (lastWrites.get(this.path) ?? Promise.resolve()).then(() => this.#change(changes));
    lastWrites.set(
      this.path,
      changed.catch(() => {}),
    );
    return changed;
  }

  async #change(changes: readonly VerdictChange[]): Promise<VerdictChange[]> {
    for (const change of changes) this.#check(change);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const version = this.version();
      const all = new Map((await this.read()).map((correction) => [keyOf(correction), correction]));
      const changed = changes.map((change) => apply(all, change));
      // Between this look and the rename is less than a millisecond, not the time that reading takes.
      if (version !== this.version()) continue;
      this.#write([...all.values()]);
      this.emit('change', changed);
      return changed;
    }
    throw new VerdictError(`${this.path} is being written by another program all the time; try again.`);
  }

  #check({ file, given, verdict, label }: VerdictChange): void {
    const image = `"${printable(file)}" with the label "${printable(given)}"`;
    if (!this.knows(file, given)) throw new VerdictError(`The audit has no image ${image}.`);
    if (verdict === 'accept' && !this.classes.includes(label)) {
      throw new VerdictError(`"${printable(label)}" is not one of the ${this.classes.length} labels of the data.`);
    }
  }

  #write(corrections: readonly Correction[]): void {
    try {
      writeFileAtomic(this.path, correctionsCsv(corrections));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const reasons: Readonly<Record<string, string>> = {
        ENOENT: 'the folder of the data is not there',
        EACCES: 'permission denied',
        EROFS: 'the file system is read-only',
        ENOSPC: 'the disk is full',
      };
      throw new VerdictError(`${this.path} cannot be written: ${reasons[code ?? ''] ?? message}.`, { cause: error });
    }
  }
}

const keyOf = ({ file, given }: { readonly file: string; readonly given: string }): string =>
  JSON.stringify([file, given]);

/** Changes the verdict on an image, and returns what it has then. */
function apply(all: Map<string, Correction>, { file, given, verdict, label, undoes }: VerdictChange): VerdictChange {
  const key = keyOf({ file, given });
  const current = all.get(key);
  const isOvertaken = undoes !== undefined && (current?.verdict !== undoes.verdict || current.label !== undoes.label);
  if (!isOvertaken) {
    if (verdict === null) all.delete(key);
    else all.set(key, { file, given, verdict, label: { accept: label, keep: given, drop: '' }[verdict] });
  }
  const now = all.get(key);
  return { file, given, verdict: now?.verdict ?? null, label: now?.label ?? '' };
}
