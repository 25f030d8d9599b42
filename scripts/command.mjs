import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A failure that the user can mend: its message is the whole report, without a stack. */
export class SetupError extends Error {}

export function say(line) {
  console.log(`setup: ${line}`);
}

/** The full path of a program on the PATH, or undefined. */
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

/** What a command prints, trimmed, or undefined where it fails or does not exist. */
export function output(command, args) {
  // From the root folder: a Python started here would take folders of this repository for packages.
  const result = spawnSync(command, args, { cwd: '/', encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** Runs a command that talks to the terminal itself; true where it succeeds. */
export function run(command, args, options = {}) {
  return spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options }).status === 0;
}
