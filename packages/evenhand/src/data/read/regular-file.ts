import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { DataError } from '../errors.js';

/**
 * Why a path cannot be read as a file; undefined if it can. Call it before a file is opened: opening a FIFO waits
 * for a writer, and a device such as /dev/zero never ends.
 */
export async function whyNotRegular(file: string): Promise<string | undefined> {
  const stats = await statRegular(file);
  return typeof stats === 'string' ? stats : undefined;
}

/** What the system knows of a regular file; why it cannot be read as a file if it is not one. */
export async function statRegular(file: string): Promise<BigIntStats | string> {
  let stats: BigIntStats;
  try {
    stats = await stat(file, { bigint: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file';
    if (code === 'ELOOP') return 'its symbolic links form a loop';
    return code === 'EACCES' ? 'reading it is not permitted' : message;
  }
  if (stats.isFile()) return stats;
  if (stats.isDirectory()) return 'it is a folder';
  if (stats.isFIFO()) return 'it is a named pipe (FIFO), not a file';
  return stats.isSocket() ? 'it is a socket, not a file' : 'it is a device, not a file';
}

/** @throws DataError if `file` is missing or not a regular file */
export async function requireRegularFile(file: string): Promise<void> {
  const reason = await whyNotRegular(file);
  if (reason !== undefined) throw new DataError(`${file} cannot be read: ${reason}.`);
}
