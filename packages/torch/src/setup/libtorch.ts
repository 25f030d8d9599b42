import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { cacheFolder } from '../cache-folder.js';
import { onPath, output, SetupError } from './command.js';

/** Whether libtorch can use NVIDIA's GPUs. */
export type Variant = 'cpu' | 'cuda';

/** A libtorch on this machine. */
export interface Libtorch {
  readonly path: string;
  /** Folders of headers for the compiler; empty if only the libraries are there. */
  readonly include: readonly string[];
  /** The folder of the shared libraries. */
  readonly lib: string;
  readonly version: string;
  /** Where it was found: `system package`, `download`. */
  readonly source: string;
  readonly variant: Variant;
}

/** The oldest libtorch that the addon supports. */
export const OLDEST = '1.13';

export const SUFFIX = process.platform === 'darwin' ? 'dylib' : 'so';
const MULTIARCH = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch as string] ?? process.arch;

/** The folder of downloaded libtorchs, one for each version and variant. */
export const downloads = (): string => join(cacheFolder(), 'libtorch');

/** It exists if NVIDIA's driver is loaded. */
const NVIDIA_DRIVER = '/dev/nvidiactl';

export const hasNvidiaDriver = (): boolean => existsSync(NVIDIA_DRIVER);

/**
 * Finds libtorch: in `chosen`, else in `LIBTORCH`, else in the usual places. Without a `variant`, one with CUDA comes first if
 * there is a driver for it.
 *
 * @returns undefined if there is none
 * @throws SetupError if `chosen` or `LIBTORCH` is not a libtorch, or not of the variant
 */
export function findLibtorch(variant?: Variant, chosen?: string): Libtorch | undefined {
  const [folder, name] = chosen === undefined ? [process.env.LIBTORCH, 'LIBTORCH'] : [chosen, '--libtorch'];
  if (folder) {
    const libtorch = inspect(resolve(folder), name);
    if (variant === undefined || libtorch.variant === variant) return libtorch;
    throw new SetupError(
      `${name}=${libtorch.path} is built for ${libtorch.variant}, but --${variant} asks for ${variant}: name another folder, or leave one of them out.`,
    );
  }
  const wanted = variant ?? (hasNvidiaDriver() ? 'cuda' : undefined);
  let first: Libtorch | undefined;
  for (const [path, source] of places()) {
    try {
      const libtorch = inspect(path, source);
      if (wanted === undefined || libtorch.variant === wanted) return libtorch;
      first ??= libtorch;
    } catch (error) {
      // Not here or incomplete: the next place may have it.
      if (!(error instanceof SetupError)) throw error;
    }
  }
  return variant === undefined ? first : undefined;
}

function* places(): Generator<[path: string, source: string]> {
  if (process.platform === 'linux') yield ['/usr', 'system package'];
  for (const name of ['python3', 'python']) {
    const path = onPath(name) && torchOf(name);
    if (path) yield [path, `torch package of ${name}`];
  }
  yield ['/opt/homebrew/opt/pytorch', 'Homebrew'];
  yield ['/usr/local/opt/pytorch', 'Homebrew'];
  yield ['/home/linuxbrew/.linuxbrew/opt/pytorch', 'Homebrew'];
  yield ['/usr/local', 'local installation'];
  const folder = downloads();
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => !name.includes('.unpacking')) : [];
  for (const name of names.sort().reverse()) yield [join(folder, name), 'download'];
}

/** The folder of a Python's torch package, located without importing torch, which would take seconds. */
function torchOf(python: string): string | undefined {
  const question = 'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0])';
  return output(python, ['-c', question]);
}

/**
 * What is in a folder of libtorch.
 *
 * @throws SetupError if headers or libraries are missing, or it is too old
 */
export function inspect(path: string, source: string): Libtorch {
  const name = source === 'LIBTORCH' || source === '--libtorch' ? `${source}=${path}` : path;
  const orUnset = source === 'LIBTORCH' ? ', or unset LIBTORCH' : '';
  const remedy = `name the folder of an unpacked libtorch, which holds include/ and lib/${orUnset}.`;
  const include = join(path, 'include');
  const api = join(include, 'torch/csrc/api/include');
  if (!existsSync(join(api, 'torch/version.h'))) {
    throw new SetupError(`${name} has no libtorch headers (${join(api, 'torch/version.h')} is missing): ${remedy}`);
  }
  const libs = [join(path, 'lib'), join(path, 'lib', MULTIARCH)];
  const lib = libs.find((folder) => existsSync(join(folder, `libtorch_cpu.${SUFFIX}`)));
  if (!lib) throw new SetupError(`${name} has no libtorch_cpu.${SUFFIX} in ${libs.join(' or ')}: ${remedy}`);
  const version = versionOf(include, api);
  if (isOlder(version, OLDEST))
    throw new SetupError(`${name} is libtorch ${version}, but ${OLDEST} or newer is needed: ${remedy}`);
  const variant = existsSync(join(lib, `libtorch_cuda.${SUFFIX}`)) ? 'cuda' : 'cpu';
  return { path, include: [include, api], lib, version, source, variant };
}

function versionOf(include: string, api: string): string {
  // Newer releases moved the numbers to another header.
  const moved = join(include, 'torch/headeronly/version.h');
  const text = readFileSync(existsSync(moved) ? moved : join(api, 'torch/version.h'), 'utf8');
  const part = (name: string): string => new RegExp(`#define TORCH_VERSION_${name} (\\d+)`).exec(text)?.[1] ?? '0';
  return ['MAJOR', 'MINOR', 'PATCH'].map(part).join('.');
}

/** Compares the first two numbers of versions. */
export function isOlder(version: string, than: string): boolean {
  const firstTwo = (text: string): string => (text.match(/\d+/g) ?? []).slice(0, 2).join('.');
  return compareVersions(firstTwo(version), firstTwo(than)) < 0;
}

/** Negative if `a` is older than `b`, 0 if they are equal. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether Debian's libtorch uses the reference BLAS, which is slow: the one that the system's alternatives select. */
export function hasSlowBlas({ lib, source }: Libtorch): boolean {
  const blas = join(lib, 'libblas.so.3');
  if (source !== 'system package' || !existsSync(blas)) return false;
  return basename(dirname(realpathSync(blas))) === 'blas' && !existsSync(join(lib, 'openblas-openmp'));
}

/** Whether libtorch was built with the old or the new std::string, read from the constructor of its error class. */
export function stringAbi({ lib }: Libtorch): 0 | 1 | undefined {
  if (process.platform === 'darwin') return undefined;
  const library = readFileSync(join(lib, 'libc10.so'), 'latin1');
  const errorConstructor = '_ZN3c105ErrorC2ENS_14SourceLocationE';
  if (library.includes(`${errorConstructor}NSt7__cxx11`)) return 1;
  return library.includes(`${errorConstructor}Ss`) ? 0 : undefined;
}
