import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemProblem, WeightsFileError } from './errors.js';

/**
 * Writes a file so that at every moment, even after a power failure, `path` has either its old content or all of the new
 * one: the bytes are written to a temporary file in the same folder, synced, and the file is renamed. `produce` is called
 * once and passes the bytes piece by piece to `append`, so that they need not fit into memory.
 *
 * Throws `WeightsFileError` if the system refuses (disk full, no such folder, no permission), and what `produce` throws.
 * In both cases the temporary file is removed and the old file is unchanged.
 */
export function writeAtomically(path: string, produce: (append: (bytes: Uint8Array) => void) => void): void {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  const system = <T>(call: () => T): T => {
    try {
      return call();
    } catch (error) {
      const problem = `cannot be written: ${systemProblem(error)} (its old content, if any, is unchanged)`;
      throw new WeightsFileError(path, problem, { cause: error });
    }
  };
  const descriptor = system(() => openSync(temporary, 'wx'));
  let open = true;
  try {
    produce((bytes) => system(() => writeAll(descriptor, bytes)));
    system(() => fsyncSync(descriptor));
    open = false;
    system(() => closeSync(descriptor));
    system(() => renameSync(temporary, path));
  } catch (error) {
    if (open) closeSync(descriptor);
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/** One call may write fewer bytes than it is given, and writes at most 2 GiB - 1. */
function writeAll(descriptor: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) {
    done += writeSync(descriptor, bytes, done, Math.min(bytes.length - done, 2 ** 30));
  }
}

/** Makes the renaming survive a power failure. The file is complete in any case, so a refusal is not an error. */
function syncFolder(folder: string): void {
  // Windows cannot open folders, and its file system journals renamings.
  if (process.platform === 'win32') return;
  try {
    const descriptor = openSync(folder, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // Some network file systems cannot sync folders.
  }
}
