/** A run folder that cannot be made, written or read. `message` is one sentence that names the path. */
export class RunError extends Error {
  override readonly name = 'RunError';
  readonly code = 'EVENHAND_RUN';
}

/** What `action` gives; where the system refuses, a `RunError` that says what could not be done to `path`, and why. */
export function guarded<T>(path: string, what: 'written' | 'read', action: () => T): T {
  try {
    return action();
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    throw new RunError(`${path}: cannot be ${what}: ${reason}`, { cause: error });
  }
}

/** Undefined where the error is not the system's. */
function reasonOf(error: unknown): string | undefined {
  const { code, message, syscall } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
      return 'the disk is full; free some space and go on with evenhand train --resume';
    case 'EDQUOT':
      return 'the disk quota is used up; free some space and go on with evenhand train --resume';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied; choose a folder that you may write to';
    case 'EROFS':
      return 'the file system is read-only; choose a folder elsewhere';
    case 'ENOTDIR':
    case 'EEXIST':
      return 'a file stands where a folder is needed; choose another name';
    case 'ENOENT':
      return 'there is no such file or folder';
    default:
      return syscall === undefined ? undefined : message;
  }
}
