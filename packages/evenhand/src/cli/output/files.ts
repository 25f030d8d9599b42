import {
  appendFileSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../../write-file-atomic.js';
import { systemReason, UsageError } from './errors.js';

/** A line at the end of the terminal that is overwritten; nothing is shown if standard error is not a terminal. */
export class StatusLine {
  readonly #terminal = process.stderr.isTTY === true;
  #shown = false;
  #last = 0;

  get visible(): boolean {
    return this.#terminal;
  }

  get width(): number {
    return process.stderr.columns || 80;
  }

  /** Shows the result of `text`, at most ten times per second unless it is to be shown `always`. */
  show(text: () => string, always = false): void {
    const now = performance.now();
    if (!this.#terminal || (!always && now - this.#last < 100)) return;
    this.#last = now;
    this.#shown = true;
    process.stderr.write(`\r\x1b[2K${text().slice(0, this.width - 1)}`);
  }

  clear(): void {
    if (this.#shown) process.stderr.write('\r\x1b[2K');
    this.#shown = false;
  }
}

/** Writes a file, or to standard output if `path` is `-`. @throws UsageError if the file cannot be written */
export function writeOutput(path: string, content: string | Uint8Array): void {
  if (path === '-') process.stdout.write(content);
  else guardedWrite(path, () => writeWhole(path, content));
}

/** Writes a file, and creates its folder if there is none. @throws UsageError if it cannot be written */
export function writePage(path: string, text: string): void {
  guardedWrite(path, () => {
    mkdirSync(dirname(path), { recursive: true });
    writeWhole(path, text);
  });
}

/** A file gets its name when it is complete, so that a full disk leaves no part of it. */
function writeWhole(path: string, content: string | Uint8Array): void {
  if (isStream(path)) writeFileSync(path, content);
  else writeFileAtomic(path, content);
}

/** Whether there is a pipe or device at `path`, such as /dev/stdout, which must not be replaced by a file. */
function isStream(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}

/** Returns the result of `write`. @throws UsageError with the path, the reason and a remedy if the system refuses */
export function guardedWrite<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? `there is no folder ${dirname(path)}` : (systemReason(error) ?? message);
    throw new UsageError(`${path}: cannot be written: ${reason}`, { cause: error });
  }
}

/**
 * Writes lines, each with its line break, to a file that gets its name when it is complete and synced.
 *
 * @throws UsageError if it cannot be written; what `lines` throws
 */
export async function writeLines(path: string, lines: AsyncIterable<string>): Promise<void> {
  const direct = guardedWrite(path, () => isStream(path));
  const target = direct ? path : `${path}.${process.pid}.tmp`;
  const descriptor = guardedWrite(path, () => openSync(target, 'w'));
  try {
    try {
      let waiting = '';
      const flush = (): void => guardedWrite(path, () => appendFileSync(descriptor, waiting));
      for await (const line of lines) {
        waiting += line;
        if (waiting.length < 65_536) continue;
        flush();
        waiting = '';
      }
      flush();
      if (!direct) guardedWrite(path, () => fsyncSync(descriptor));
    } finally {
      closeSync(descriptor);
    }
    if (!direct) guardedWrite(path, () => renameSync(target, path));
  } catch (error) {
    if (!direct) rmSync(target, { force: true });
    throw error;
  }
}

export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Text at which a spreadsheet starts to compute: what follows is a formula, which may call other programs. */
const FORMULA = /^[=+\-@\t\r]/;

/**
 * Rows as CSV (RFC 4180). Spaces around a value are quoted, because readers drop those that are not.
 *
 * @param safe puts an apostrophe before text that a spreadsheet would take for a formula. Numbers stay as they are.
 */
export function csv(rows: readonly (readonly (string | number)[])[], { safe = false } = {}): string {
  const cell = (value: string | number): string => {
    const text = safe && typeof value === 'string' && FORMULA.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) || text.trim() !== text ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(cell).join(',')}\n`).join('');
}
