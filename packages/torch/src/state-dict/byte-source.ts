import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { systemProblem, WeightsFileError } from './errors.js';

/** Bytes with random access, so that a large file need not be in memory as a whole. */
export interface ByteSource {
  /** Path of the file, for messages. */
  readonly path: string;
  readonly size: number;
  /** Fills `target` with the bytes from `position` on. Throws `WeightsFileError` if the source has too few. */
  readInto(target: Uint8Array, position: number): void;
}

/** Node reads at most 2 GiB - 1 per call. */
const maxBytesPerRead = 2 ** 30;

/** An open file. */
export class FileSource implements ByteSource {
  readonly path: string;
  readonly size: number;
  #descriptor: number | undefined;

  /** Throws `WeightsFileError` if `path` is not a regular file or cannot be opened. */
  constructor(path: string) {
    this.path = path;
    try {
      // Checked before opening, because opening a named pipe waits for its writer, and some devices have no end.
      const kind = specialFile(statSync(path));
      if (kind !== undefined) throw new WeightsFileError(path, `cannot be opened: it is ${kind}, not a regular file`);
      this.#descriptor = openSync(path, 'r');
      this.size = fstatSync(this.#descriptor).size;
    } catch (error) {
      if (error instanceof WeightsFileError) throw error;
      throw new WeightsFileError(path, `cannot be opened: ${systemProblem(error)}`, { cause: error });
    }
  }

  readInto(target: Uint8Array, position: number): void {
    if (this.#descriptor === undefined) throw new WeightsFileError(this.path, 'is closed; open it again to read it');
    checkRange(this, position, target.length);
    let done = 0;
    while (done < target.length) {
      const wanted = Math.min(target.length - done, maxBytesPerRead);
      const got = this.#read(this.#descriptor, target, done, wanted, position + done);
      if (got === 0) throw new WeightsFileError(this.path, 'became shorter while it was being read');
      done += got;
    }
  }

  #read(descriptor: number, target: Uint8Array, offset: number, length: number, position: number): number {
    try {
      return readSync(descriptor, target, offset, length, position);
    } catch (error) {
      throw new WeightsFileError(this.path, `cannot be read: ${systemProblem(error)}`, { cause: error });
    }
  }

  /** Closes the file. May be called twice. */
  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** Bytes in memory as a source. */
export function memorySource(path: string, bytes: Uint8Array): ByteSource {
  const source: ByteSource = {
    path,
    size: bytes.length,
    readInto(target, position) {
      checkRange(source, position, target.length);
      target.set(bytes.subarray(position, position + target.length));
    },
  };
  return source;
}

/** `size` bytes of `source` from `start` on, as a source. Throws `WeightsFileError` if `source` is shorter. */
export function sliceSource(source: ByteSource, start: number, size: number): ByteSource {
  checkRange(source, start, size);
  const slice: ByteSource = {
    path: source.path,
    size,
    readInto(target, position) {
      checkRange(slice, position, target.length);
      source.readInto(target, start + position);
    },
  };
  return slice;
}

/** Reads `length` bytes into a new array. Throws `WeightsFileError`, before it allocates, if the source has too few. */
export function readBytes(source: ByteSource, position: number, length: number): Uint8Array {
  checkRange(source, position, length);
  const bytes = new Uint8Array(length);
  source.readInto(bytes, position);
  return bytes;
}

/** A DataView of the bytes. */
export function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function checkRange(source: ByteSource, position: number, length: number): void {
  if (position >= 0 && length >= 0 && position + length <= source.size) return;
  throw new WeightsFileError(
    source.path,
    `is truncated or corrupt: ${length} bytes are needed at position ${position}, and there are only ${source.size}`,
  );
}

/** What a path is if it is not a regular file, with its article. */
function specialFile(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a named pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
}
