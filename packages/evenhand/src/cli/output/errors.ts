/** A command line that cannot be understood: one sentence for the user. */
export class UsageError extends Error {}

/** `unanswered`: done, but images without an answer of their own got the most frequent class. */
export const exitCodes = { done: 0, failure: 1, mistake: 2, unanswered: 3, interrupted: 130 } as const;

/** How an error is told: what is printed, and what the process exits with. Plain data, so that it can cross processes. */
export interface Told {
  readonly text: string;
  readonly exitCode: number;
  readonly stack: string;
}

/** By name, so that telling an error loads no room that has not been loaded already. */
const mistakes = ['UsageError', 'ConfigError', 'DataError', 'ImageError', 'ModelError', 'RunError', 'WeightsFileError'];
const failures = ['WeightsError', 'TorchError', 'TrainingError', 'ExportError'];
const diskFull = ['ENOSPC', 'EDQUOT'];

/** What to print of an error and the exit code: 2 for a user's mistake, 1 for a failure. */
export function tell(error: unknown): Told {
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  const name = error instanceof Error ? error.constructor.name : '';
  if (mistakes.includes(name)) {
    const mistake = !diskFull.includes(systemCode(error) ?? '');
    return { text: message, exitCode: mistake ? exitCodes.mistake : exitCodes.failure, stack };
  }
  if (failures.includes(name)) return { text: message, exitCode: exitCodes.failure, stack };
  const text = `unexpected failure: ${message}; run again with --debug, and please report it`;
  return { text, exitCode: exitCodes.failure, stack };
}

/** The system's code of an error or of what caused it. */
function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  return error.cause === undefined ? code : systemCode(error.cause);
}
