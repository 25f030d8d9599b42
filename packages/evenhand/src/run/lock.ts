import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { printable } from '../printable.js';
import { guarded, RunError } from './errors.js';

// Each process that wants the folder creates a file whose name says who it is, then looks for the files of others.
// As a name is complete the moment it exists and belongs to one process alone, there is no half-written lock, and the
// file of a dead process can be removed by anyone without ever removing the lock of a living one. Of two processes at
// the same moment at least one sees the other, so never do both hold the folder.

interface Holder {
  readonly host: string;
  readonly pid: number;
  /** When the process began, as the system writes it; '' if unknown. A later process may get the same `pid`. */
  readonly began: string;
}

const NAME = /^train\.([^.]+)\.(\d+)\.([^.]*)\.lock$/;

const encoded = (text: string): string => encodeURIComponent(text).replaceAll('.', '%2E');

/** Whether a file of a run folder is a lock. */
export const isLock = (name: string): boolean => NAME.test(name);

/**
 * Locks a run folder for this process, and returns what unlocks it. A lock whose process has ended is removed.
 *
 * @throws RunError if another process holds the folder, or this one already does: it names the process
 */
export function lockFolder(folder: string): () => void {
  const pid = process.pid;
  const path = join(folder, `train.${encoded(hostname())}.${pid}.${encoded(startOf(pid) ?? '')}.lock`);
  guarded(path, 'written', () => {
    try {
      writeFileSync(path, '', { flag: 'wx' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      throw new RunError(`${folder} is already being trained by this process: wait until that training has ended`);
    }
  });
  const unlock = (): void => rmSync(path, { force: true });
  try {
    refuseIfHeld(folder);
  } catch (error) {
    unlock();
    throw error;
  }
  return unlock;
}

/**
 * Removes the locks of processes that have ended.
 *
 * @throws RunError if another process holds the folder
 */
export function refuseIfHeld(folder: string): void {
  for (const name of guarded(folder, 'read', () => readdirSync(folder))) {
    const holder = holderOf(name);
    if (holder === undefined) continue;
    const path = join(folder, name);
    const here = holder.host === hostname();
    if (here && holder.pid === process.pid && isAlive(holder)) continue;
    if (here && !isAlive(holder)) {
      guarded(path, 'written', () => rmSync(path, { force: true }));
      continue;
    }
    const since = statSync(path, { throwIfNoEntry: false })?.mtime;
    if (since === undefined) continue;
    const holderText = `process ${holder.pid}${here ? '' : ` on the host ${printable(holder.host)}`}`;
    const remedy = here
      ? `wait until it has ended, or stop it with: kill ${holder.pid}`
      : `if it has ended, delete ${path} and try again`;
    throw new RunError(`${folder} is being trained by ${holderText} since ${since.toISOString()}: ${remedy}`);
  }
}

/** Whether another process holds a run folder. Locks of processes that have ended are removed. */
export function isHeld(folder: string): boolean {
  try {
    refuseIfHeld(folder);
    return false;
  } catch (error) {
    if (error instanceof RunError) return true;
    throw error;
  }
}

/** Where the process is that holds a run folder, by its lock alone; undefined if there is none, or it has ended. */
export function findHolder(folder: string): 'here' | 'elsewhere' | undefined {
  const holders = guarded(folder, 'read', () => readdirSync(folder)).map(holderOf);
  const isHere = ({ host }: Holder): boolean => host === hostname();
  if (holders.some((holder) => holder !== undefined && isHere(holder) && isAlive(holder))) return 'here';
  return holders.some((holder) => holder !== undefined && !isHere(holder)) ? 'elsewhere' : undefined;
}

function holderOf(name: string): Holder | undefined {
  const [, host, pid, began] = NAME.exec(name) ?? [];
  if (host === undefined) return undefined;
  try {
    return { host: decodeURIComponent(host), pid: Number(pid), began: decodeURIComponent(began!) };
  } catch {
    return undefined; // not a name that this module has written
  }
}

function isAlive({ pid, began }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const start = startOf(pid);
  return start !== null && (start === undefined || began === '' || start === began);
}

/** When a process began; null if it has ended, undefined if the system does not say. */
function startOf(pid: number): string | null | undefined {
  if (process.platform === 'linux') {
    try {
      // The name of the program, in parentheses, may hold anything: fields are counted from behind it.
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const [state, ticks] = [fields[0], fields[19]];
      return state === 'Z' || state === 'X' ? null : ticks;
    } catch {
      return undefined;
    }
  }
  if (process.platform === 'win32') return undefined;
  try {
    const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env }).trim() || undefined;
  } catch {
    return undefined;
  }
}
