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

/** A folder that changed so shortly before it was read may have changed again without another time. */
const RACY_MS = 2000;

/** A folder with a configuration and one of these is a run: other programs have a config.json too. */
const SIGNS = ['environment.json', 'metrics.jsonl', 'progress.json', 'train.log', 'last', 'folds'];

export const isRunFolder = (names: readonly string[]): boolean =>
  names.includes('config.json') && SIGNS.some((name) => names.includes(name));

/** What is remembered of a folder until it changes. */
interface Listing {
  readonly mtimeMs: number;
  /** All names if it is a run, else none: a folder of images has a hundred thousand. */
  readonly names: readonly string[];
  readonly isRun: boolean;
  /** Names of what may be folders with runs. */
  readonly folders: readonly string[];
}

/** Finds runs in and below folders. A folder that has not changed is not listed again. */
export class RunFinder {
  readonly #listings = new Map<string, Listing>();

  /** The runs without those inside of runs, by path. Folders that cannot be read are left out. */
  async find(roots: readonly string[]): Promise<FoundRun[]> {
    const found: FoundRun[] = [];
    const seen = new Set<string>();
    const waiting = roots.map((path) => ({ path, depth: 0 })).reverse();
    const next = async (): Promise<void> => {
      for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
        const { path, depth } = at;
        const listing = await this.#list(path, seen);
        if (listing === undefined) continue;
        if (listing.isRun) found.push({ path, names: listing.names });
        else if (depth < MAX_DEPTH) {
          for (const name of listing.folders) waiting.push({ path: join(path, name), depth: depth + 1 });
        }
      }
    };
    // The first folders are read one by one, so that there is work for all.
    while (waiting.length > 0) await Promise.all(Array.from({ length: Math.min(AT_ONCE, waiting.length) }, next));
    for (const real of this.#listings.keys()) if (!seen.has(real)) this.#listings.delete(real);
    return found.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Undefined if it is no folder, cannot be read or was read before, by another link. */
  async #list(path: string, seen: Set<string>): Promise<Listing | undefined> {
    try {
      const real = await realpath(path);
      const stats = await stat(real);
      if (seen.has(real) || !stats.isDirectory()) return undefined;
      seen.add(real);
      const { mtimeMs } = stats;
      const known = this.#listings.get(real);
      if (known?.mtimeMs === mtimeMs) return known;
      const entries = await readdir(real, { withFileTypes: true });
      const names = entries.map(({ name }) => name);
      const isRun = isRunFolder(names);
      const folders = entries
        .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
        .map(({ name }) => name)
        .filter((name) => !name.startsWith('.') && name !== 'node_modules');
      const listing = { mtimeMs, names: isRun ? names : [], isRun, folders: isRun ? [] : folders };
      if (Date.now() - mtimeMs > RACY_MS) this.#listings.set(real, listing);
      return listing;
    } catch {
      return undefined;
    }
  }
}
