import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { printable } from '../printable.js';
import { guarded, RunError } from './errors.js';

/** JSON files of a run are far smaller, even with 100,000 unreadable images listed. */
const MOST_JSON_BYTES = 64e6;

/** Node reads no file at once that is larger. */
const MOST_BYTES = 2 ** 31 - 1;

/**
 * Reads a file of a run folder.
 *
 * @throws RunError if it cannot be read, is larger than `mostBytes`, or is not a regular file: reading a named pipe
 * would never end
 */
export function readRunFile(path: string, mostBytes = MOST_BYTES): Buffer {
  return guarded(path, 'read', () => {
    // A named pipe that is opened without this flag waits for a writer.
    const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stats = fstatSync(file);
      if (!stats.isFile()) {
        throw new RunError(`${path}: must be a regular file, but it is ${kindOf(stats)}; move it away`);
      }
      if (stats.size > mostBytes) {
        const [size, most] = [stats.size, mostBytes].map((bytes) => Math.round(bytes / 1e6).toLocaleString('en'));
        throw new RunError(
          `${path}: is damaged: it has ${size} MB, more than the ${most} MB that such a file may have`,
        );
      }
      return readFileSync(file);
    } finally {
      closeSync(file);
    }
  });
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a named pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}

/** Reads a JSON object and checks it. Throws `RunError` as `readRunFile`, and if it is not an object or `check` throws. */
export function readJsonObject<T>(path: string, check: (value: Record<string, unknown>) => T): T {
  const text = readRunFile(path, MOST_JSON_BYTES).toString('utf8');
  return damagedUnless(path, '', () => {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new SyntaxError('it is not an object');
    return check(value as Record<string, unknown>);
  });
}

/** Reads a file of JSON lines with one record per line, each parsed by `parse`. Throws `RunError` as `readRunFile`. */
export function readJsonLines<T>(path: string, parse: (line: string) => T): T[] {
  const bytes = readRunFile(path);
  const records: T[] = [];
  // Line by line from bytes: the whole of a large file is longer than a string may be.
  for (let start = 0, number = 1; start < bytes.length; number++) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    damagedUnless(path, `line ${number} `, () => {
      const line = bytes.toString('utf8', start, end);
      if (line.trim() !== '') records.push(parse(line));
    });
    start = end + 1;
  }
  return records;
}

function damagedUnless<T>(path: string, where: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const reason = printable((error as Error).message);
    throw new RunError(`${path}: ${where}is damaged: ${reason}`, { cause: error });
  }
}
