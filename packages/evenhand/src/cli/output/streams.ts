import { exitCodes, reportError, systemReason } from './errors.js';

let outputIsOptional = false;

/** For a command whose work is worth more than what it prints: it continues if nobody reads its output any more. */
export function continueWithoutOutput(): void {
  outputIsOptional = true;
}

/**
 * Runs a command line and sets the exit code. An error is printed as one line after `name`, with its stack if
 * `--debug` was given. Standard output that cannot be written ends the program, unless `continueWithoutOutput` was
 * called: without an error if its reader has seen enough, as `head` has.
 */
export async function runProgram(name: string, args: readonly string[], main: () => Promise<number>): Promise<void> {
  const fail = (text: string): void => {
    process.stderr.write(`${name}: ${text}\n`);
  };
  let warned = false;
  // There is nowhere left to report it.
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    const closed = error.code === 'EPIPE';
    if (!closed && !warned) fail(`standard output cannot be written: ${systemReason(error) ?? error.message}`);
    warned = true;
    if (!outputIsOptional) process.exit(closed ? (process.exitCode ?? exitCodes.done) : exitCodes.failure);
  });
  process.on('SIGINT', () => {
    // A command that saves its work has its own listener.
    if (process.listenerCount('SIGINT') > 1) return;
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K');
    fail('interrupted');
    process.exit(exitCodes.interrupted);
  });
  try {
    process.exitCode = await main();
  } catch (error) {
    const { text, exitCode, stack } = reportError(error);
    fail(args.includes('--debug') ? `${text}\n${stack}` : text);
    process.exitCode = exitCode;
  }
}
