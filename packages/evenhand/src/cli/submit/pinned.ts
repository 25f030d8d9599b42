import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** An entry of a package-lock.json, by its path such as `node_modules/sharp`. */
interface Locked {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

type Lock = ReadonlyMap<string, Locked>;

/**
 * A package.json and its package-lock.json that install these packages, with all that they need, in the versions that
 * this program runs with.
 */
export function pinned(
  about: Readonly<Record<string, unknown>> & { readonly name: string; readonly version: string },
  names: readonly string[],
): { manifest: object; lock: object } {
  const known = readLock();
  const packages = new Map<string, Locked>();
  for (const name of names) collect(known, '', name, packages);
  const dependencies = Object.fromEntries(names.map((name) => [name, packages.get(`node_modules/${name}`)!.version]));
  const manifest = { ...about, dependencies };
  return {
    manifest,
    lock: {
      name: about.name,
      version: about.version,
      lockfileVersion: 3,
      requires: true,
      packages: { '': manifest, ...Object.fromEntries([...packages].sort(([a], [b]) => (a < b ? -1 : 1))) },
    },
  };
}

/** The lock file of the installation that this program belongs to: the project's, or the one that npm keeps itself. */
function readLock(): Lock {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    for (const file of [join(folder, 'package-lock.json'), join(folder, 'node_modules/.package-lock.json')]) {
      if (!existsSync(file)) continue;
      const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Locked> };
      return new Map(Object.entries(packages));
    }
    if (dirname(folder) === folder) throw new Error('No package-lock.json of this installation was found');
    folder = dirname(folder);
  }
}

/** Adds a package that `from` needs, and what that needs, at the paths where Node finds them. */
function collect(known: Lock, from: string, name: string, found: Map<string, Locked>, optional = false): void {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    const path = `${at}${at === '' ? '' : '/'}node_modules/${name}`;
    const entry = known.get(path);
    if (entry !== undefined) {
      if (found.has(path)) return;
      const { dev: _dev, ...rest } = entry;
      found.set(path, rest as Locked);
      for (const each of Object.keys(entry.dependencies ?? {})) collect(known, path, each, found, optional);
      for (const each of Object.keys(entry.optionalDependencies ?? {})) collect(known, path, each, found, true);
      return;
    }
    if (at === '') break;
  }
  // npm's own lock leaves out what is for other platforms.
  if (!optional) throw new Error(`${name} is not in the lock file of this installation`);
}
