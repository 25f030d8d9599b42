import { escapeControls } from '../printable.js';

/** A weights file that cannot be read or written. `message` is one line that begins with the path of the file. */
export class WeightsFileError extends Error {
  override readonly name = 'WeightsFileError';
  readonly code = 'EVENHAND_WEIGHTS_FILE';
  /** Path of the file, as it was passed. */
  readonly file: string;

  constructor(file: string, problem: string, options?: ErrorOptions) {
    super(escapeControls(`${file}: ${problem}`), options);
    this.file = file;
  }
}

/** The reason that the operating system gives for a failure, in plain words if the code is a usual one. */
export function systemProblem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'no such file or folder';
    case 'ENOTDIR':
      return 'a part of the path is a file, not a folder';
    case 'ELOOP':
      return 'its symbolic links form a loop';
    case 'EMFILE':
    case 'ENFILE':
      return 'too many files are open; raise the limit with `ulimit -n`';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'ENOSPC':
      return 'the disk is full; free some space and try again';
    case 'EDQUOT':
      return 'the disk quota is used up; free some space and try again';
    case 'EFBIG':
      return 'the file is larger than the file system or `ulimit -f` allows';
    case 'EROFS':
      return 'the file system is read-only';
    default:
      return message;
  }
}
