import { spawnSync } from 'node:child_process';
import { onPath, output, SetupError, say } from './command.js';

/** Installs packages of the system with the user's permission. False if that is not possible or not wanted. */
export type Installer = (packages: readonly string[]) => Promise<boolean>;

let updated = false;

/** True on Debian, Ubuntu and similar systems. */
export function hasApt(): boolean {
  return process.platform === 'linux' && onPath('apt-get') !== undefined && onPath('dpkg') !== undefined;
}

/** True if this process may install packages without a password. */
export function canApt(): boolean {
  return hasApt() && (isRoot() || output('sudo', ['-n', 'true']) !== undefined);
}

/** Installs without a question where no password is needed. */
export const installQuietly: Installer = async (packages) => {
  if (!canApt() || packages.some((name) => aptCandidate(name) === undefined)) return false;
  say(`installing ${packages.join(' and ')} with apt-get`);
  aptInstall(packages);
  return true;
};

/** Installs at a terminal on which sudo may ask for a password. */
export function installAtTerminal(packages: readonly string[]): boolean {
  const [command, ...args] = [...(isRoot() ? [] : ['sudo']), 'apt-get', 'install', '-y', ...packages];
  return spawnSync(command!, args, { stdio: 'inherit' }).status === 0;
}

/** The command for a person: `sudo apt-get install g++`. */
export function aptCommand(packages: readonly string[]): string {
  return `${isRoot() ? '' : 'sudo '}apt-get install ${packages.join(' ')}`;
}

/** The version of a package that apt would install, such as `1.13.1+dfsg-4`; undefined if there is none. */
export function aptCandidate(name: string): string | undefined {
  if (canApt()) update();
  return /Candidate: (\d\S*)/.exec(output('apt-cache', ['policy', name]) ?? '')?.[1];
}

/** @throws SetupError if apt-get fails */
export function aptInstall(names: readonly string[]): void {
  update();
  apt(['install', '-y', '--no-install-recommends', ...names]);
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function update(): void {
  if (!updated) apt(['update']);
  updated = true;
}

function apt(args: readonly string[]): void {
  const command = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=120', ...args];
  if (!isRoot()) command.unshift('sudo', '-n');
  const result = spawnSync(command[0]!, command.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (result.status === 0) return;
  const reason = result.stderr.split('\n').find((line) => line.startsWith('E:'));
  throw new SetupError(
    `apt-get ${args.join(' ')} failed${reason ? ` (${reason.slice(2).trim()})` : ''}: fix the cause and run again.`,
  );
}
