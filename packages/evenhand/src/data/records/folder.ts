import { type Dirent, existsSync, lstatSync, readdirSync, rmdirSync, type Stats, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isTemporaryName } from './caches.js';
import { TEMPORARY } from './file-records.js';
import { parseKindName } from './kind.js';

/** The records of one kind in a cache folder. */
export interface CachedKind {
  /** Its folder. */
  readonly path: string;
  readonly type: 'train' | 'eval';
  /** Pixels: the largest side of training records, the side of evaluation records. */
  readonly size: number;
  /** Whether this version of evenhand and of its decoder reads them. */
  readonly current: boolean;
  readonly images: number;
  readonly bytes: number;
  /** When a record was last used, to a day; null if there is none. */
  readonly lastUsed: Date | null;
}

/** What is cached in a folder, the kinds in the order of their names; nothing else that the folder may hold. */
export function listCache(folder: string): CachedKind[] {
  return kindsIn(folder).map(({ path, type, size, current }) => {
    let [images, bytes, last] = [0, 0, 0];
    for (const { stats } of recordsIn(path)) {
      images++;
      bytes += stats.size;
      last = Math.max(last, stats.mtimeMs);
    }
    return { path, type, size, current, images, bytes, lastUsed: images > 0 ? new Date(last) : null };
  });
}

/**
 * Deletes records that were last used before `usedBefore`, by default all, and the folders that become empty. Files with
 * other names and links stay, whatever the folder is.
 *
 * @returns what was deleted
 * @throws the error of the system if a record cannot be deleted
 */
export function clearCache(folder: string, usedBefore = Number.POSITIVE_INFINITY): { images: number; bytes: number } {
  let [images, bytes] = [0, 0];
  for (const { path } of kindsIn(folder)) {
    for (const { file, stats } of recordsIn(path)) {
      if (stats.mtimeMs >= usedBefore || !unlinkIfThere(file)) continue;
      images++;
      bytes += stats.size;
    }
    const temporary = join(path, TEMPORARY);
    for (const { file, stats } of filesIn(temporary, isTemporaryName)) {
      if (stats.mtimeMs < usedBefore) unlinkIfThere(file);
    }
    for (const name of [...shardsIn(path), TEMPORARY]) removeIfEmpty(join(path, name));
    removeIfEmpty(path);
  }
  return { images, bytes };
}

function kindsIn(folder: string) {
  return subfoldersOf(folder)
    .sort()
    .flatMap((name) => {
      const kind = parseKindName(name);
      return kind ? [{ path: join(folder, name), ...kind }] : [];
    });
}

function* recordsIn(kindFolder: string): Generator<{ file: string; stats: Stats }> {
  for (const shard of shardsIn(kindFolder)) {
    yield* filesIn(join(kindFolder, shard), (name) => /^[0-9a-f]{64}\.rgb$/.test(name) && name.startsWith(shard));
  }
}

const shardsIn = (kindFolder: string): string[] =>
  subfoldersOf(kindFolder).filter((name) => /^[0-9a-f]{2}$/.test(name));

function* filesIn(folder: string, isOwn: (name: string) => boolean): Generator<{ file: string; stats: Stats }> {
  if (!existsSync(folder) || lstatSync(folder).isSymbolicLink()) return;
  for (const entry of entriesOf(folder)) {
    if (!entry.isFile() || !isOwn(entry.name)) continue;
    const file = join(folder, entry.name);
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (stats?.isFile()) yield { file, stats };
  }
}

const subfoldersOf = (folder: string): string[] =>
  entriesOf(folder).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

/** None if there is no such folder. @throws the error of the system if it cannot be read */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function unlinkIfThere(file: string): boolean {
  try {
    unlinkSync(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It holds something else, or a process writes into it.
  }
}
