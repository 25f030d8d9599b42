import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../output/errors.js';

/** An entry of a package-lock.json, by its path such as `node_modules/sharp`. */
interface Locked {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

type Lock = ReadonlyMap<string, Locked>;

/**
 * A package.json and its package-lock.json that install these packages and their dependencies in the versions that this
 * program runs with.
 */
export function pinned(
  about: Readonly<Record<string, unknown>> & { readonly name: string; readonly version: string },
  names: readonly string[],
): { manifest: object; lock: object } {
  const lock = readLock();
  const packages = new Map<string, Locked>();
  for (const name of names) collectPackages(lock, '', name, packages);
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

/** The lock file of this installation: the project's, or the one that npm keeps in node_modules. */
function readLock(): Lock {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    for (const file of [join(folder, 'package-lock.json'), join(folder, 'node_modules/.package-lock.json')]) {
      if (!existsSync(file)) continue;
      const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Locked> };
      return new Map(Object.entries(packages));
    }
    if (dirname(folder) === folder)
      throw new UsageError(
        'evenhand submit needs the package-lock.json of this installation, and there is none; install again with npm',
      );
    folder = dirname(folder);
  }
}

/** Adds a package that `dependent` needs, and its dependencies, at the paths where Node finds them. */
function collectPackages(
  lock: Lock,
  dependent: string,
  name: string,
  packages: Map<string, Locked>,
  optional = false,
): void {
  for (let parent = dependent; ; parent = parent.slice(0, Math.max(0, parent.lastIndexOf('node_modules/') - 1))) {
    const path = `${parent}${parent === '' ? '' : '/'}node_modules/${name}`;
    const entry = lock.get(path);
    if (entry !== undefined) {
      if (packages.has(path)) return;
      const { dev: _dev, devOptional: _devOptional, peer: _peer, ...rest } = entry;
      packages.set(path, rest as Locked);
      for (const dependency of Object.keys(entry.dependencies ?? {}))
        collectPackages(lock, path, dependency, packages, optional);
      for (const dependency of Object.keys(entry.optionalDependencies ?? {}))
        collectPackages(lock, path, dependency, packages, true);
      return;
    }
    if (parent === '') break;
  }
  // npm's own lock file leaves out packages for other platforms.
  if (!optional) throw new UsageError(`${name} is not in the lock file of this installation; install again with npm`);
}
