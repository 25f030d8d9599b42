import { existsSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { plural } from '../../format.js';
import { DataError } from '../errors.js';
import { makeFolder } from '../make-folder.js';
import { FileCache, MemoryCache } from './caches.js';
import { fileNameOf, shardOf, writeFailure } from './file-records.js';
import { kindName, largestRecord, type RecordKind } from './kind.js';
import type { RecordCache } from './shared.js';

/** The share of the free disk that the setting `auto` may fill, and of the free memory that `memory` may. */
const DISK_SHARE = 1 / 4;
const MEMORY_SHARE = 1 / 2;

/** Images that will be loaded as one kind of records. */
export interface CacheUse {
  readonly kind: RecordKind;
  readonly files: readonly string[];
  /** How often each image will be loaded. */
  readonly reads: number;
}

export interface CacheRequest {
  /** `auto`, `off`, `memory`, or a folder. */
  readonly setting: string;
  /** The folder of the setting `auto`. */
  readonly folder: string;
  readonly uses: readonly CacheUse[];
  /** The SHA-256 of a file, hexadecimal; undefined where it is not known. */
  readonly hashOf: (file: string) => string | undefined;
  /** Called with sentences for the user: how large the cache may become, why there is none, why it ended. */
  readonly onNote: (text: string) => void;
}

/**
 * Opens the cache of decoded images; undefined for none. No setting changes a pixel.
 *
 * `auto` writes records if images will be loaded more than once and the records that are missing fit into a quarter of the
 * free disk; otherwise it reads those that are there.
 *
 * @throws DataError if the memory is too small for `memory`
 */
export function openCache({ setting, folder, uses, hashOf, onNote }: CacheRequest): RecordCache | undefined {
  const used = uses.filter(({ reads, files }) => reads > 0 && files.length > 0);
  if (setting === 'off' || used.length === 0) return undefined;
  if (setting === 'memory') return openMemory(used);
  const place = setting === 'auto' ? folder : setting;
  const onFailure = (reason: string): void =>
    onNote(
      `Decoded images can no longer be cached in ${place} (${reason}): those that are missing are decoded each time.`,
    );
  const files = (writable: boolean) => new FileCache({ folder: place, writable, hashOf, onFailure });
  if (setting !== 'auto') return files(true);
  if (Math.max(...used.map(({ reads }) => reads)) < 2) return existsSync(folder) ? files(false) : undefined;
  const missing = bytesMissing(folder, used, hashOf);
  if (missing.bytes === 0) return files(true);
  const decodeEachTime = (why: string): RecordCache => {
    onNote(`Decoded images are not cached, because ${why}: they are decoded each time they are used.`);
    return files(false);
  };
  try {
    requireWritable(folder);
  } catch (error) {
    return decodeEachTime(`${folder} cannot be written (${writeFailure(error)})`);
  }
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (missing.bytes > DISK_SHARE * free) {
    return decodeEachTime(
      `up to ${formatBytes(missing.bytes)} are more than a quarter of the ${formatBytes(free)} free in ${folder} (--cache DIR: another folder)`,
    );
  }
  onNote(
    `Decoded images are cached in ${folder}: up to ${formatBytes(missing.bytes)} for ${plural(missing.images, 'image')} (--cache off: none).`,
  );
  return files(true);
}

function openMemory(uses: readonly CacheUse[]): RecordCache {
  const needed = uses.reduce((sum, { kind, files }) => sum + new Set(files).size * largestRecord(kind), 0);
  // A container may have less than the machine. `availableMemory` is new in Node 20.13.
  const { availableMemory } = process as { availableMemory?: () => number };
  const free = Math.min(freemem(), availableMemory?.() ?? Number.POSITIVE_INFINITY);
  if (needed > MEMORY_SHARE * free) {
    throw new DataError(
      `cache is memory, but up to ${formatBytes(needed)} of decoded images are more than half of the ${formatBytes(free)} of ` +
        'free memory: set cache to auto, off or a folder.',
    );
  }
  return new MemoryCache();
}

/** Of the records that are not in the folder: their images, and the most bytes that they may have. */
function bytesMissing(
  folder: string,
  uses: readonly CacheUse[],
  hashOf: CacheRequest['hashOf'],
): { images: number; bytes: number } {
  const missing = new Set<string>();
  let bytes = 0;
  for (const { kind, files } of uses) {
    const kindFolder = join(folder, kindName(kind));
    const isNew = !existsSync(kindFolder);
    for (const file of new Set(files)) {
      const hash = hashOf(file);
      if (!isNew && hash !== undefined && existsSync(join(kindFolder, shardOf(hash), fileNameOf(hash)))) continue;
      missing.add(file);
      bytes += largestRecord(kind);
    }
  }
  return { images: missing.size, bytes };
}

/**
 * Creates the folder of a setting that names one.
 *
 * @throws DataError if it cannot be created or written
 */
export function requireCacheFolder(setting: string): void {
  if (['auto', 'off', 'memory'].includes(setting)) return;
  try {
    requireWritable(setting);
  } catch (error) {
    throw new DataError(
      `cache is ${setting}, which cannot be written (${writeFailure(error)}): give another folder, or auto, memory or off.`,
      { cause: error },
    );
  }
}

/** Creates a folder, and writes a file in it. @throws the error of the system */
function requireWritable(folder: string): void {
  const probe = join(folder, `.write-test-${process.pid}`);
  makeFolder(folder);
  writeFileSync(probe, '');
  rmSync(probe);
}

/** Such as `640 kB`, `12 MB` or `4.3 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
