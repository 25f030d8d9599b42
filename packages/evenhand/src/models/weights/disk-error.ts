import { systemCode, WeightsError } from './weights-error.js';

export const readError = (error: unknown, path: string): WeightsError =>
  new WeightsError('disk', `${path} cannot be read (${systemCode(error) ?? (error as Error).message}); check it.`, {
    cause: error,
  });

/**
 * What to throw if `target` cannot be written: a WeightsError for a refusal of the system, else the error itself.
 *
 * @param variable the environment variable that chooses another folder
 */
export function diskError(error: unknown, target: string, variable = 'EVENHAND_CACHE'): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  const [reason, remedy] = reasons[code] ?? [code, 'check the folder'];
  return new WeightsError(
    'disk',
    `${target} cannot be written (${reason}); ${remedy}, or set ${variable} to a folder that can hold the weights.`,
    { cause: error },
  );
}

const reasons: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  ENOSPC: ['the disk is full', 'free some space there'],
  EDQUOT: ['the disk quota is used up', 'free some space there'],
  EACCES: ['permission denied', 'check the permissions of the folder'],
  EPERM: ['permission denied', 'check the permissions of the folder'],
  EROFS: ['the file system is read-only', 'choose another folder'],
  ENOTDIR: ['there is a file where a folder is needed', 'move it away'],
  EEXIST: ['there is a file where a folder is needed', 'move it away'],
};
