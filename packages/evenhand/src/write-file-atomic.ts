import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';

/**
 * Writes a file that gets its name when it is complete and synced: at every moment `path` holds either the old content or
 * the new. A link is followed, and the permissions of a file that exists are kept. On failure nothing is left behind.
 *
 * @throws the error of the system
 */
export function writeFileAtomic(path: string, content: string | Uint8Array): void {
  const existing = statSync(path, { throwIfNoEntry: false });
  const target = existing === undefined ? path : realpathSync(path);
  const temporary = `${target}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  const descriptor = openSync(temporary, 'wx', existing?.mode ?? 0o666);
  try {
    try {
      // Unlike `writeSync`, this continues after a part was written, as happens on a disk that is almost full.
      writeFileSync(descriptor, content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
