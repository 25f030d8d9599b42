import { constants, type Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';

/** A file that cannot be read; `message` says why in plain words, without its name. */
export class FileError extends Error {
  override readonly name = 'FileError';
}

/**
 * The bytes of a regular file. Anything else is refused before it is opened, because opening or reading a FIFO, a device
 * or a socket may never return.
 *
 * @param expected what the file should be, for the message, such as `an image`
 * @throws FileError if the file is missing, empty, not a regular file or not readable
 * @throws Error of the operating system if it ran out of something else than the file, such as open files
 */
export async function readRegularFile(path: string, expected: string): Promise<Uint8Array> {
  if (path === '') throw new FileError('the file name is empty');
  try {
    const stats = await stat(path);
    if (!stats.isFile()) throw new FileError(`it is ${kindOf(stats)}, not ${expected}`);
    if (stats.size === 0) throw new FileError('the file is empty (0 bytes)');
    // Without blocking, in case the file was replaced by a FIFO in between.
    const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (error instanceof FileError || SYSTEM_WIDE.includes(code)) throw error;
    throw new FileError(REASONS[code] ?? `it cannot be read (${message})`, { cause: error });
  }
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a FIFO (named pipe)';
  return stats.isSocket() ? 'a socket' : 'a device';
}

/** Codes of errors that other files would get as well. */
const SYSTEM_WIDE: readonly string[] = ['EMFILE', 'ENFILE', 'ENOMEM'];

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ELOOP: 'its symbolic links form a loop',
  ENAMETOOLONG: 'the file name is too long',
};
