import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A folder of a run, with the names in it. */
export interface FoundRun {
  readonly path: string;
  readonly names: readonly string[];
}

/** Folders below a given one in which runs are looked for. */
const MAX_DEPTH = 6;

/** Folders that are read at the same time: a network file system takes its time for each. */
const AT_ONCE = 32;

/** A folder with a configuration and one of these is a run: other programs have a config.json too. */
const SIGNS = ['environment.json', 'metrics.jsonl', 'progress.json', 'train.log', 'last', 'folds'];

export const isRunFolder = (names: readonly string[]): boolean =>
  names.includes('config.json') && SIGNS.some((name) => names.includes(name));

/** The runs in and below folders, without those inside of runs. Folders that cannot be read are left out. */
export async function findRuns(roots: readonly string[]): Promise<FoundRun[]> {
  const found: FoundRun[] = [];
  const seen = new Set<string>();
  const waiting = roots.map((path) => ({ path, depth: 0 })).reverse();
  const next = async (): Promise<void> => {
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      const { path, depth } = at;
      const entries = await list(path, seen);
      const names = entries.map(({ name }) => name);
      if (isRunFolder(names)) found.push({ path, names });
      else if (depth < MAX_DEPTH) {
        for (const entry of entries) {
          if (mayHoldRuns(entry)) waiting.push({ path: join(path, entry.name), depth: depth + 1 });
        }
      }
    }
  };
  // The first folders are read one by one, so that there is work for all.
  while (waiting.length > 0) await Promise.all(Array.from({ length: Math.min(AT_ONCE, waiting.length) }, next));
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The entries of a folder; none if it cannot be read or was read before, by another link. */
async function list(path: string, seen: Set<string>): Promise<Dirent[]> {
  try {
    const real = await realpath(path);
    if (seen.has(real) || !(await stat(real)).isDirectory()) return [];
    seen.add(real);
    return await readdir(path, { withFileTypes: true });
  } catch {
    return [];
  }
}

const mayHoldRuns = (entry: Dirent): boolean =>
  (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.') && entry.name !== 'node_modules';
