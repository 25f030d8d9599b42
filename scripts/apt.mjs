import { spawnSync } from 'node:child_process';
import { onPath, output, SetupError } from './command.mjs';

let updated = false;

/** True on Debian, Ubuntu and similar systems if this process may install packages without a password. */
export function canApt() {
  if (process.platform !== 'linux' || !onPath('apt-get') || !onPath('dpkg')) return false;
  return process.getuid() === 0 || output('sudo', ['-n', 'true']) !== undefined;
}

/** The version of a package that apt would install, such as `1.13.1+dfsg-4`; undefined if there is none. */
export function aptCandidate(name) {
  update();
  return /Candidate: (\d\S*)/.exec(output('apt-cache', ['policy', name]) ?? '')?.[1];
}

export function aptInstall(names) {
  update();
  apt(['install', '-y', '--no-install-recommends', ...names]);
}

function update() {
  if (!updated) apt(['update']);
  updated = true;
}

function apt(args) {
  const command = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=120', ...args];
  if (process.getuid() !== 0) command.unshift('sudo', '-n');
  const result = spawnSync(command[0], command.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (result.status === 0) return;
  const reason = result.stderr.split('\n').find((line) => line.startsWith('E:'));
  throw new SetupError(
    `apt-get ${args.join(' ')} failed${reason ? ` (${reason.slice(2).trim()})` : ''}: fix the cause and run again.`,
  );
}
