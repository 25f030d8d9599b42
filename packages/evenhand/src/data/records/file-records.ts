import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  futimesSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.js';
import { HEADER_BYTES, headerOf, type ImageRecord, parseRecord } from './record.js';
import type { Records, SharedRecords } from './shared.js';

/** Of a sample: its key is not known; it is; its record was read. */
const KEY_UNKNOWN = 0;
export const KEY_KNOWN = 1;
const WAS_READ = 2;

/** The folder of files that are being written. */
export const TEMPORARY = 'tmp';

export const KEY_BYTES = 32;

/** A record counts as used today if its file's time is not older. */
const DAY = 86_400_000;

export const shardOf = (key: string): string => key.slice(0, 2);
export const fileNameOf = (key: string): string => `${key}.rgb`;

/**
 * Records in files. A file gets its name when it was written completely, and a checksum is compared when it is read. So no
 * lock is needed, whatever else writes or deletes here: at worst an image is decoded again.
 */
export class FileRecords implements Records {
  readonly #folder: string;
  readonly #kind: string;
  readonly #keys: Buffer;
  readonly #states: Uint8Array;
  readonly #writable: Int32Array;
  /** One byte more than a record has, which shows that a file is too long. */
  readonly #buffer: Uint8Array;

  /** @param onFailure called once, by the first worker that cannot write, with the reason */
  constructor(
    { folder, kind, keys, states, writable, largestRecord }: Extract<SharedRecords, { type: 'files' }>,
    private readonly onFailure: (reason: string) => void,
  ) {
    this.#folder = folder;
    this.#kind = kind;
    this.#keys = Buffer.from(keys);
    this.#states = new Uint8Array(states);
    this.#writable = new Int32Array(writable);
    this.#buffer = new Uint8Array(HEADER_BYTES + largestRecord + 1);
  }

  keyOf(index: number): string | undefined {
    if (Atomics.load(this.#states, index) === KEY_UNKNOWN) return undefined;
    return this.#keys.toString('hex', index * KEY_BYTES, (index + 1) * KEY_BYTES);
  }

  keyOfContent(index: number, bytes: Uint8Array): string {
    const digest = createHash('sha256').update(bytes).digest();
    this.#keys.set(digest, index * KEY_BYTES);
    Atomics.store(this.#states, index, KEY_KNOWN);
    return digest.toString('hex');
  }

  read(index: number, key: string): ImageRecord | undefined {
    const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
    try {
      const descriptor = openSync(join(this.#folder, shardOf(key), fileNameOf(key)), flags);
      try {
        const length = readSync(descriptor, this.#buffer, 0, this.#buffer.length, 0);
        if (Atomics.exchange(this.#states, index, WAS_READ) !== WAS_READ) markAsUsed(descriptor);
        return parseRecord(this.#buffer.subarray(0, length), this.#identity(key));
      } finally {
        closeSync(descriptor);
      }
    } catch {
      // Whatever the reason, the image can be decoded.
      return undefined;
    }
  }

  write(key: string, record: ImageRecord): void {
    if (Atomics.load(this.#writable, 0) !== 1) return;
    const temporary = join(this.#folder, TEMPORARY, randomBytes(16).toString('hex'));
    try {
      const descriptor = withFolder(join(this.#folder, TEMPORARY), () => openSync(temporary, 'wx'));
      try {
        // Unlike `writeSync`, this continues after a part was written. Not synced: the checksum shows what was lost.
        writeFileSync(descriptor, headerOf(record, this.#identity(key)));
        writeFileSync(descriptor, record.data);
      } finally {
        closeSync(descriptor);
      }
      const shard = join(this.#folder, shardOf(key));
      withFolder(shard, () => renameSync(temporary, join(shard, fileNameOf(key))));
    } catch (error) {
      removeIfPossible(temporary);
      // Another process has cleared the cache meanwhile.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      if (Atomics.exchange(this.#writable, 0, 0) === 1) this.onFailure(writeFailure(error));
    }
  }

  #identity(key: string): string {
    return `${this.#kind}/${key}`;
  }
}

/** The file's time is that of its last use, to a day: `evenhand cache clear --older-than` goes by it. */
function markAsUsed(descriptor: number): void {
  try {
    const now = Date.now();
    if (now - fstatSync(descriptor).mtimeMs > DAY) futimesSync(descriptor, now / 1000, now / 1000);
  } catch {
    // Another user's file.
  }
}

function removeIfPossible(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // What is the matter with the folder is said by the error before.
  }
}

/** Runs `action`, which needs a folder, and creates that if it is missing. */
function withFolder<T>(folder: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    makeFolder(folder);
    return action();
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'there is a file of that name',
};

/** Why a file could not be written, in a few words. */
export function writeFailure(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? message;
}
