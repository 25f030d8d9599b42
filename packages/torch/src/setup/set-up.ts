import { join } from 'node:path';
import { ADDON, CLONE_BUILD } from '../addon-file.js';
import { addonFolder, hasAddon, makeAddon, selectAddon, writeNote } from './addons.js';
import { aptCandidate, aptCommand, hasApt, type Installer } from './apt.js';
import { downloadSize, fetchLibtorch } from './archives.js';
import { build } from './build.js';
import { onPath, output, SetupError, say } from './command.js';
import { findLibtorch, hasSlowBlas, inspect, isOlder, type Libtorch, OLDEST, type Variant } from './libtorch.js';
import { findPrebuilt, takePrebuilt } from './prebuilt.js';
import { startProgress } from './progress.js';
import { tryAddon } from './try-addon.js';

export interface SetUpOptions {
  /** With or without CUDA; default: with it if there is a driver and such a libtorch is found. */
  readonly variant?: Variant;
  /** The folder of a libtorch to use, instead of one that is found. */
  readonly libtorch?: string;
  /** Compiles the addon even if there is one. */
  readonly build?: boolean;
  /** Asked for packages of the system that are missing. */
  readonly install: Installer;
  /** A clone of the repository: libtorch comes from the system's packages first, and the addon is compiled in the clone. */
  readonly clone?: boolean;
}

export interface Installation {
  readonly libtorch: Libtorch;
  /** The file of the addon. */
  readonly addon: string;
}

const LIBTORCH_PACKAGES = ['libtorch-dev', 'libopenblas0-openmp'];

/**
 * Finds or downloads libtorch, finds or compiles the addon for it, computes something with both in a child process, and makes
 * that the addon to load. What is there is used. Prints what it does.
 *
 * @throws SetupError with the remedy
 */
export async function setUp(options: SetUpOptions): Promise<Installation> {
  checkPlatform();
  const { install, clone = false } = options;
  const libtorch = await ensureLibtorch(options);
  if (hasSlowBlas(libtorch) && !(await install(['libopenblas0-openmp']))) {
    const command = aptCommand(['libopenblas0-openmp']);
    say(`the installed BLAS is the slow reference implementation: \`${command}\` makes training faster`);
  }
  const folder = clone ? CLONE_BUILD : addonFolder(libtorch);
  if (clone) await compileIn(folder, libtorch, install);
  else {
    await ensureAddon(folder, libtorch, options);
    selectAddon(folder);
  }
  const addon = join(folder, ADDON);
  return { libtorch, addon };
}

function checkPlatform(): void {
  if (process.platform === 'linux' || process.platform === 'darwin') return;
  throw new SetupError(`training runs on Linux and macOS, but this is ${process.platform}: on Windows, use WSL 2.`);
}

async function ensureLibtorch({ variant, libtorch, install, clone = false }: SetUpOptions): Promise<Libtorch> {
  const found = findLibtorch(variant, libtorch);
  if (found !== undefined) {
    if (!clone) say(`using libtorch ${found.version} for ${found.variant} (${found.source}, ${found.path})`);
    return found;
  }
  const wanted = variant ?? 'cpu';
  const fromSystem = async (): Promise<Libtorch | undefined> => {
    if (wanted !== 'cpu' || !aptHasLibtorch()) return undefined;
    return (await install(LIBTORCH_PACKAGES)) ? inspect('/usr', 'system package') : undefined;
  };
  const first = clone ? await fromSystem() : undefined;
  if (first !== undefined) return first;
  try {
    return await fetchLibtorch(wanted);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    const second = clone ? undefined : await fromSystem();
    if (second !== undefined) return second;
    throw new SetupError(`libtorch was not found, and ${error.message} Instead, ${otherWays(wanted)}.`);
  }
}

/** Whether the system's packages have a libtorch that is new enough. */
function aptHasLibtorch(): boolean {
  const candidate = hasApt() ? aptCandidate('libtorch-dev') : undefined;
  return candidate !== undefined && !isOlder(candidate, OLDEST);
}

function otherWays(variant: Variant): string {
  const system = variant === 'cpu' && aptHasLibtorch() ? [`run \`${aptCommand(LIBTORCH_PACKAGES)}\``] : [];
  const python = variant === 'cpu' ? '`pip install torch`' : '`pip install torch` on a machine with CUDA';
  return [...system, `use ${python}`, 'or set LIBTORCH to the folder of an unpacked libtorch'].join(', ');
}

/** Uses the addon of the cache, a prebuilt one or the compiler, in this order. */
async function ensureAddon(folder: string, libtorch: Libtorch, options: SetUpOptions): Promise<void> {
  if (!options.build && hasAddon(folder, libtorch)) {
    say('the addon for it is there');
    return;
  }
  const prebuilt = options.build ? undefined : findPrebuilt(libtorch);
  if (prebuilt !== undefined && (await tryPrebuilt(prebuilt, folder, libtorch))) return;
  await makeAddon(folder, libtorch, (part) => compileIn(part, libtorch, options.install));
}

async function tryPrebuilt(file: string, folder: string, libtorch: Libtorch): Promise<boolean> {
  try {
    await makeAddon(folder, libtorch, async (part) => {
      takePrebuilt(file, part);
      tryAddon(join(part, ADDON), libtorch);
      writeNote(part, libtorch, 'prebuilt');
    });
    say('using the prebuilt addon, which fits');
    return true;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`the prebuilt addon does not fit, so it is compiled: ${error.message}`);
    return false;
  }
}

async function compileIn(folder: string, libtorch: Libtorch, install: Installer): Promise<void> {
  const compiler = await ensureCompiler(install);
  let state = { done: 0, total: 0 };
  let progress: ReturnType<typeof startProgress> | undefined;
  const onCompiled = (done: number, total: number): void => {
    state = { done, total };
    progress ??= startProgress(() =>
      state.done < state.total
        ? `compiling C++ files: ${state.done} of ${state.total} done`
        : 'linking and loading the addon',
    );
    progress.update();
  };
  let elapsed: string | undefined;
  let built = false;
  try {
    built = await build({ libtorch, compiler, folder, log: say, onCompiled });
  } finally {
    elapsed = progress?.end();
  }
  writeNote(folder, libtorch, 'compiled');
  if (built) say(`the addon is ready (${elapsed})`);
}

async function ensureCompiler(install: Installer): Promise<string> {
  const chosen = process.env.CXX;
  if (chosen) {
    if (output(chosen, ['--version']) !== undefined) return chosen;
    throw new SetupError(`CXX=${chosen} is not a working C++ compiler: set it to g++ or clang++, or unset it.`);
  }
  const found = findCompiler();
  if (found !== undefined) return found;
  if (process.platform === 'darwin') throw new SetupError('no C++ compiler was found: run `xcode-select --install`.');
  say('a C++ compiler is needed to build the addon');
  if (await install(['g++'])) return 'g++';
  const remedy = hasApt() ? `run \`${aptCommand(['g++'])}\`` : 'install g++ with your package manager';
  throw new SetupError(`no C++ compiler was found: ${remedy}, then run this command again.`);
}

/** The command of a C++ compiler that works; undefined if there is none. */
export function findCompiler(): string | undefined {
  // macOS has commands with these names that only offer to install the real ones.
  const works = (name: string): boolean => onPath(name) !== undefined && output(name, ['--version']) !== undefined;
  return ['g++', 'clang++'].find(works);
}

/** What is missing here, in words: `there is none on this machine; the download is about 190 MB`. */
export function describeNeed(): string {
  const found = findLibtorch();
  if (found !== undefined) return `libtorch ${found.version} is in ${found.path}, and its addon is missing`;
  return `there is none on this machine; the download is ${downloadSize('cpu') ?? 'not available for this platform'}`;
}
