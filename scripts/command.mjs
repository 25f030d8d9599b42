import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A failure that the user can fix. Only its message is shown, without a stack. */
export class SetupError extends Error {}

export function say(line) {
  console.log(`setup: ${line}`);
}

/** The full path of a program on the PATH; undefined if there is none. */
export function onPath(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** The trimmed standard output of a command; undefined if it fails or does not exist. */
export function output(command, args) {
  // Started in the root folder, because a Python started here would import folders of this repository as packages.
  const result = spawnSync(command, args, { cwd: '/', encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** Runs a command with its output on the terminal. Returns true if it succeeds. */
export function run(command, args, options = {}) {
  return spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options }).status === 0;
}
