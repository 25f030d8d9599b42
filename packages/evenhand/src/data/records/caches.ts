import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.js';
import { KEY_BYTES, KEY_KNOWN, TEMPORARY } from './file-records.js';
import { kindName, largestRecord, type RecordKind } from './kind.js';
import { HEADER_BYTES } from './record.js';
import type { RecordCache, SharedRecords } from './shared.js';

/** A file that is being written is not older, unless its process has died. */
const TEMPORARY_AGE = 600_000;

/** Bytes of one piece of the memory cache; the system provides its pages as they are written. */
const CHUNK_BYTES = 2 ** 26;

export interface FileCacheOptions {
  readonly folder: string;
  /** Whether records may be written, and not only read. */
  readonly writable: boolean;
  /** The SHA-256 of a file, hexadecimal; undefined where it is not known. */
  readonly hashOf: (file: string) => string | undefined;
  readonly onFailure: (reason: string) => void;
}

/** Records as files in a folder, which any number of processes may share. */
export class FileCache implements RecordCache {
  readonly #writable = new SharedArrayBuffer(4);

  constructor(private readonly options: FileCacheOptions) {
    new Int32Array(this.#writable)[0] = options.writable ? 1 : 0;
  }

  share(kind: RecordKind, files: readonly string[]): SharedRecords {
    const name = kindName(kind);
    const folder = join(this.options.folder, name);
    if (this.options.writable) removeAbandoned(join(folder, TEMPORARY));
    const keys = new SharedArrayBuffer(files.length * KEY_BYTES);
    const states = new SharedArrayBuffer(files.length);
    const [keyBytes, stateBytes] = [Buffer.from(keys), new Uint8Array(states)];
    for (const [i, file] of files.entries()) {
      const hash = this.options.hashOf(file);
      if (hash === undefined) continue;
      keyBytes.write(hash, i * KEY_BYTES, 'hex');
      stateBytes[i] = KEY_KNOWN;
    }
    const writable = this.#writable;
    return { type: 'files', folder, kind: name, largestRecord: largestRecord(kind), keys, states, writable };
  }

  onFailure(reason: string): void {
    this.options.onFailure(reason);
  }
}

/** Records in memory that the threads of this process share. A file is decoded once, and changes of it are not noticed. */
export class MemoryCache implements RecordCache {
  readonly #areas = new Map<string, { slotOf: Map<string, number>; chunks: SharedArrayBuffer[] }>();

  share(kind: RecordKind, files: readonly string[]): SharedRecords {
    const name = kindName(kind);
    const area = this.#areas.get(name) ?? { slotOf: new Map<string, number>(), chunks: [] };
    this.#areas.set(name, area);
    const slotBytes = HEADER_BYTES + 4 * Math.ceil(largestRecord(kind) / 4);
    const slotsPerChunk = Math.max(1, Math.floor(CHUNK_BYTES / slotBytes));
    const slots = new SharedArrayBuffer(files.length * 4);
    const slotOfSample = new Int32Array(slots);
    for (const [i, file] of files.entries()) {
      const slot = area.slotOf.get(file) ?? area.slotOf.size;
      area.slotOf.set(file, slot);
      slotOfSample[i] = slot;
    }
    while (area.chunks.length * slotsPerChunk < area.slotOf.size) {
      area.chunks.push(new SharedArrayBuffer(slotsPerChunk * slotBytes));
    }
    return { type: 'memory', chunks: [...area.chunks], slotsPerChunk, slotBytes, slots };
  }

  onFailure(): void {}
}

/** Removes what killed processes have left, and creates the folder. What cannot be done here fails, and is said, when it is written. */
function removeAbandoned(folder: string): void {
  try {
    makeFolder(folder);
    for (const name of readdirSync(folder)) {
      const file = join(folder, name);
      const stats = statSync(file, { throwIfNoEntry: false });
      if (stats && isTemporaryName(name) && Date.now() - stats.mtimeMs > TEMPORARY_AGE) rmSync(file, { force: true });
    }
  } catch {
    // See above.
  }
}

export const isTemporaryName = (name: string): boolean => /^[0-9a-f]{32}$/.test(name);
