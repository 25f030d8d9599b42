import { exitCodes } from '../output/errors.js';

/** Only in newer versions of Node. */
type Exec = (file: string, args: readonly string[]) => never;

/**
 * Ends the process at once, even if a thread is blocked in a read that never returns, for which `process.exit` would
 * wait. All output must have been written. In versions of Node without `process.execve` the process can only kill itself,
 * which shells report as exit code 137 (130 after an interruption).
 */
export function endNow(exitCode: number): never {
  const { execve } = process as { execve?: Exec };
  try {
    execve?.('/bin/sh', ['sh', '-c', `exit ${exitCode}`]);
  } catch {
    // There is no such shell.
  }
  const signal = exitCode === exitCodes.interrupted ? 'SIGINT' : 'SIGKILL';
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  throw new Error('unreachable');
}
