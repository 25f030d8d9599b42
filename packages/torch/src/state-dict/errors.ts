/** A weights file that cannot be read or written. `message` is one sentence that begins with the file's path. */
export class WeightsFileError extends Error {
  override readonly name = 'WeightsFileError';
  readonly code = 'EVENHAND_WEIGHTS_FILE';
  /** Path of the file, as it was given. */
  readonly file: string;

  constructor(file: string, problem: string, options?: ErrorOptions) {
    super(`${file}: ${problem}`, options);
    this.file = file;
  }
}

/** What the operating system says went wrong, in words; its own message where there are no better ones. */
export function systemProblem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'no such file or folder';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'ENOSPC':
      return 'the disk is full; free some space and try again';
    case 'EDQUOT':
      return 'the disk quota is used up; free some space and try again';
    case 'EROFS':
      return 'the file system is read-only';
    default:
      return message;
  }
}
