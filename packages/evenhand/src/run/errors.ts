/** A run folder that cannot be created, written or read. `message` is one sentence that names the path. */
export class RunError extends Error {
  override readonly name = 'RunError';
  readonly code = 'EVENHAND_RUN';
}

/**
 * Returns the result of `action`.
 *
 * @throws RunError if the operating system refuses: it says what could not be done to `path`, and why
 */
export function guarded<T>(path: string, what: 'written' | 'read', action: () => T): T {
  try {
    return action();
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    throw new RunError(`${path}: cannot be ${what}: ${reason}`, { cause: error });
  }
}

/** Undefined if the error does not come from the operating system. */
function reasonOf(error: unknown): string | undefined {
  const { code, message, syscall } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
      return 'the disk is full; free some space and continue with evenhand train --resume';
    case 'EDQUOT':
      return 'the disk quota is used up; free some space and continue with evenhand train --resume';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied; check the permissions or choose another folder';
    case 'EROFS':
      return 'the file system is read-only; choose a folder elsewhere';
    case 'ENOTDIR':
    case 'EEXIST':
      return 'there is a file where a folder is needed; choose another name';
    case 'EISDIR':
      return 'there is a folder where a file is needed; move it away';
    case 'ENOENT':
      return 'there is no such file or folder';
    case 'EMFILE':
    case 'ENFILE':
      return 'too many files are open; raise the limit with ulimit -n 4096';
    default:
      return syscall === undefined ? undefined : message;
  }
}
