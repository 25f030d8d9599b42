import { appendFileSync, closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { UsageError } from './errors.js';

/** A line at the end of the terminal that is written over and over; nothing where standard error is no terminal. */
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

  /** Shows the text that `text` makes, at most ten times a second; `always` for what must not be missed. */
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

/** Writes what a command was asked for to a file, or to standard output where `path` is `-`. */
export function writeOutput(path: string, text: string): void {
  if (path === '-') {
    process.stdout.write(text);
    return;
  }
  guardedWrite(path, () => writeFileSync(path, text));
}

/** Writes a file that takes its name when all of it is there, in a folder that is made where it lacks. */
export function writePage(path: string, text: string): void {
  guardedWrite(path, () => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileAtomic.sync(path, text);
  });
}

/** What `write` gives; where the system refuses, a `UsageError` that names the path. */
export function guardedWrite<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw new UsageError(`${path}: cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

/** Writes lines, each with its end, to a file that takes its name when all of them are there and synced. */
export async function writeLines(path: string, lines: AsyncIterable<string>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const descriptor = guardedWrite(path, () => openSync(temporary, 'w'));
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
      guardedWrite(path, () => fsyncSync(descriptor));
    } finally {
      closeSync(descriptor);
    }
    guardedWrite(path, () => renameSync(temporary, path));
  } catch (error) {
    rmSync(temporary, { force: true });
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
