import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A failure that the user can fix. Only its message is shown, without a stack. */
export class SetupError extends Error {}

export function say(line: string): void {
  console.log(`setup: ${line}`);
}

/** The full path of a program on the PATH; undefined if there is none. */
export function onPath(name: string): string | undefined {
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
export function output(command: string, args: readonly string[]): string | undefined {
  // Started in the root folder, because a Python started here would import folders of the present one as packages.
  const options: SpawnSyncOptions = { cwd: '/', stdio: ['ignore', 'pipe', 'ignore'] };
  const { status, stdout } = spawnSync(command, args, { ...options, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
