import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemProblem, WeightsFileError } from './errors.js';

/**
 * Writes a file so that at every moment, power failure included, `path` holds either what it held before or all of the
 * new bytes: they go to a temporary name in the same folder, are synced, and take the name. `produce` is called once and
 * hands the bytes over piece by piece with `append`.
 *
 * Throws `WeightsFileError` where the system refuses (disk full, no such folder, no permission), and whatever `produce`
 * throws; both leave no temporary file and the old file as it was.
 */
export function writeAtomically(path: string, produce: (append: (bytes: Uint8Array) => void) => void): void {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  const system = <T>(call: () => T): T => {
    try {
      return call();
    } catch (error) {
      const problem = `cannot be written: ${systemProblem(error)} (what the file held before is unchanged)`;
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

/** One call may write less than it is given, and at most 2 GiB - 1. */
function writeAll(descriptor: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) {
    done += writeSync(descriptor, bytes, done, Math.min(bytes.length - done, 2 ** 30));
  }
}

/** Makes the new name itself survive a power failure. The file is complete either way, so a refusal is no error. */
function syncFolder(folder: string): void {
  // Windows cannot open a folder, and keeps its names in a journal.
  if (process.platform === 'win32') return;
  try {
    const descriptor = openSync(folder, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // Some network file systems do not sync folders.
  }
}
