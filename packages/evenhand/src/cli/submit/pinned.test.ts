import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { pinned } from './pinned.js';

interface Entry {
  version: string;
  integrity?: string;
  dev?: boolean;
  link?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}
interface Lock {
  name: string;
  version: string;
  lockfileVersion: number;
  packages: Record<string, Entry>;
}

const NAMES = ['onnxruntime-node', 'sharp'];
const about = { name: 'team', version: '1.0.0', private: true, type: 'module' };
const made = pinned(about, NAMES) as { manifest: Record<string, unknown>; lock: Lock };
const project: Lock = JSON.parse(readFileSync(new URL('../../../../../package-lock.json', import.meta.url), 'utf8'));
const { '': root, ...packages } = made.lock.packages;

/** Searches as Node does: in the node_modules of each folder upwards. */
function find(lock: Lock, from: string, name: string): string | undefined {
  const parts = from === '' ? [] : from.split('/node_modules/').map((part) => part.replace(/^node_modules\//, ''));
  for (let depth = parts.length; depth >= 0; depth--) {
    const path = [...parts.slice(0, depth), name].map((part) => `node_modules/${part}`).join('/');
    if (lock.packages[path]) return path;
  }
  return undefined;
}

test('the manifest has exactly the versions that this program runs with', () => {
  const dependencies = Object.fromEntries(
    NAMES.map((name) => [name, project.packages[`node_modules/${name}`]!.version]),
  );
  assert.deepEqual(made.manifest, { ...about, dependencies });
  assert.deepEqual(root, made.manifest);
  assert.deepEqual([made.lock.name, made.lock.version, made.lock.lockfileVersion], ['team', '1.0.0', 3]);
});

test('the lock has all dependencies, each at the path where Node finds it', () => {
  const needed = new Set<string>();
  const visit = (from: string, name: string): void => {
    const path = find(project, from, name);
    assert.ok(path, `${name}, which ${from} needs, is not in the project's lock`);
    assert.equal(find(made.lock, from, name), path);
    if (needed.has(path)) return;
    needed.add(path);
    const { dependencies, optionalDependencies } = project.packages[path]!;
    for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies })) visit(path, dependency);
  };
  for (const name of NAMES) visit('', name);
  assert.deepEqual(Object.keys(packages), [...needed].sort(), 'all dependencies, and nothing else');
  assert.ok(needed.size > 20, `${needed.size}`);
});

test('each package has its hash and is not marked as a development dependency', () => {
  for (const [path, entry] of Object.entries(packages)) {
    const { dev: _, ...expected } = project.packages[path]!;
    assert.deepEqual(entry, expected, path);
    assert.match(entry.integrity ?? '', /^sha512-/, path);
    assert.ok(!('dev' in entry) && !('link' in entry), path);
  }
});

test('binaries of all platforms are locked, not only those of this one', () => {
  const platforms = Object.keys(packages).filter((path) => path.startsWith('node_modules/@img/sharp-'));
  for (const platform of ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64']) {
    assert.ok(platforms.includes(`node_modules/@img/sharp-${platform}`), platform);
  }
});

test('a missing package is named', () => {
  assert.throws(() => pinned(about, ['no-such-package']), {
    message: 'no-such-package is not in the lock file of this installation; install again with npm',
  });
});
