import { spawn } from 'node:child_process';

/** A command that failed, with what it printed. */
export class CommandError extends Error {
  constructor(command, code, output) {
    super(`\`${command}\` ended with ${code}:\n${output.trim()}`);
    this.output = output;
  }
}

/** Runs a command in `cwd` without a terminal; resolves to its standard output, or rejects with a CommandError. */
export function run(command, args, { cwd, env = {}, code: expected = 0 }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let all = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      all += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      all += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === expected) resolve(stdout);
      else reject(new CommandError([command, ...args].join(' '), signal ?? `exit code ${code}`, all));
    });
  });
}
