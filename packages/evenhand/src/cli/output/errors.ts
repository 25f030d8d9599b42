import { printable } from '../../printable.js';

/** A command line that cannot be understood or carried out: one sentence for the user. */
export class UsageError extends Error {}

/** `incomplete`: done, but some images could not be predicted and were assigned the most frequent class. */
export const exitCodes = { done: 0, failure: 1, mistake: 2, incomplete: 3, interrupted: 130 } as const;

/** What to print of an error, and how to exit. Plain data, so that it can be sent from one process to another. */
export interface ErrorReport {
  readonly text: string;
  readonly exitCode: number;
  readonly stack: string;
  /** Whether an interrupted training may succeed if it is resumed as it is. */
  readonly resumable: boolean;
  /** Flags with which resuming the training may succeed. */
  readonly resumeFlags?: string;
}

// Classes are recognised by their names, so that printing an error loads no module that was not loaded already.
const mistakes = [
  'UsageError',
  'ConfigError',
  'DataError',
  'ImageError',
  'ModelError',
  'RunError',
  'ServerError',
  'WeightsFileError',
];
const failures = ['SetupError', 'WeightsError', 'TorchError', 'TrainingError', 'ExportError', 'TrackError'];
/** Codes that do not depend on the run: a network that may be back, a token, a disk that can be cleared, another process. */
const passing: Readonly<Record<string, readonly string[]>> = {
  WeightsError: ['refused', 'unreachable', 'interrupted', 'wrong-hash', 'disk'],
  TorchError: ['distributed'],
};
const diskFull = ['ENOSPC', 'EDQUOT'];

/** The text and the exit code of an error: 2 for a mistake of the user, 1 for a failure. */
export function reportError(error: unknown): ErrorReport {
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  const name = error instanceof Error ? error.constructor.name : '';
  const code = systemCode(error);
  const isFull = code !== undefined && diskFull.includes(code);
  if (mistakes.includes(name) || failures.includes(name)) {
    const exitCode = mistakes.includes(name) && !isFull ? exitCodes.mistake : exitCodes.failure;
    const isPassing = passing[name]?.includes((error as { code?: string }).code ?? '') ?? false;
    return { text: printableMessage(message), exitCode, stack, resumable: isFull || isPassing };
  }
  const reason = systemReason(error);
  if (reason !== undefined) {
    const { path } = error as NodeJS.ErrnoException;
    // Whichever file happens to be opened last is not at fault.
    const isLimit = code === 'EMFILE' || code === 'ENFILE';
    const text = printableMessage(path === undefined || isLimit ? reason : `${path}: ${reason}`);
    return { text, exitCode: isFull ? exitCodes.failure : exitCodes.mistake, stack, resumable: isFull };
  }
  if (error instanceof RangeError && /allocation failed/.test(message)) {
    const text = 'not enough memory; use smaller images, smaller batches or fewer workers';
    return { text, exitCode: exitCodes.failure, stack, resumable: false };
  }
  const text = printableMessage(`unexpected failure: ${message}; run again with --debug, and please report it`);
  return { text, exitCode: exitCodes.failure, stack, resumable: true };
}

/** The operating system's code of an error or of what caused it. */
function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  return error.cause === undefined ? code : systemCode(error.cause);
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space and try again',
  EDQUOT: 'the disk quota is used up; free some space and try again',
  EACCES: 'permission denied; check the permissions of the file and its folder',
  EPERM: 'permission denied; check the permissions of the file and its folder',
  EROFS: 'the file system is read-only; choose a folder elsewhere',
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'is a folder, but a file is needed',
  EEXIST: 'there is a file where a folder is needed; choose another name',
  EMFILE: 'too many files are open; raise the limit with ulimit -n 4096',
  ENFILE: 'too many files are open on this machine; close other programs',
  ENAMETOOLONG: 'the name is too long for this file system',
  ELOOP: 'the link leads back to itself',
  EIO: 'the disk reports an input/output error',
};

/** Why the operating system refused, in a few words with the remedy; undefined if the error is not one of its. */
export function systemReason(error: unknown): string | undefined {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string' || typeof syscall !== 'string') return undefined;
  return reasons[code] ?? message;
}

/** The most characters of one line of a message: a path may have 4,096. */
const LONGEST_LINE = 5000;

/**
 * A message without terminal sequences. Further lines of our own messages are indented, so a line break without an
 * indent comes from a name or another value and is made visible: no input can print a line that looks like ours.
 */
export function printableMessage(message: string): string {
  return message
    .split(/\n(?= {2}\S)/)
    .map((line) => printable(line.trimEnd(), LONGEST_LINE))
    .join('\n');
}
