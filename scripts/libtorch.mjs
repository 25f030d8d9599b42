import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { aptCandidate, aptInstall, canApt } from './apt.mjs';
import { onPath, output, SetupError, say } from './command.mjs';
import { download, unzip } from './download.mjs';

const OLDEST = '1.13';
const SUFFIX = process.platform === 'darwin' ? 'dylib' : 'so';
const MULTIARCH = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch] ?? process.arch;

/**
 * The official archives. PyTorch publishes no checksums for them; these are the ones that other projects pin: COLMAP
 * (cmake/FindLibTorch.cmake, commit 4dc7855, both) and WasmEdge (utils/wasi-nn/install-pytorch.sh, Linux).
 */
const ARCHIVE_VERSION = '2.5.1';
const ARCHIVES = {
  'linux-x64': {
    url: 'https://download.pytorch.org/libtorch/cpu/libtorch-cxx11-abi-shared-with-deps-2.5.1%2Bcpu.zip',
    sha256: '618ca54eef82a1dca46ff1993d5807d9c0deb0bae147da4974166a147cb562fa',
  },
  'darwin-arm64': {
    url: 'https://download.pytorch.org/libtorch/cpu/libtorch-macos-arm64-2.5.1.zip',
    sha256: '0822824c1df267159a649ad4701518217c60b8f75de056a26ab43958d8ab1622',
  },
};

/**
 * Finds libtorch, or installs it if it may. Returns `{ path, include, lib, version, source }`: `include` is the list of
 * folders for the compiler, `lib` the folder of the shared libraries.
 */
export async function ensureLibtorch(root) {
  const downloaded = join(root, '.libtorch', ARCHIVE_VERSION);
  const libtorch = find(downloaded) ?? (await install(downloaded));
  ensureFastBlas(libtorch);
  return libtorch;
}

function find(downloaded) {
  const chosen = process.env.LIBTORCH;
  if (chosen) return inspect(resolve(chosen), 'LIBTORCH');
  for (const [path, source] of places(downloaded)) {
    try {
      return inspect(path, source);
    } catch (error) {
      // Not here or incomplete: the next place may have it.
      if (!(error instanceof SetupError)) throw error;
    }
  }
  return undefined;
}

function* places(downloaded) {
  if (process.platform === 'linux') yield ['/usr', 'system package'];
  for (const name of ['python3', 'python']) {
    const path = onPath(name) && torchOf(name);
    if (path) yield [path, `torch package of ${name}`];
  }
  yield ['/opt/homebrew/opt/pytorch', 'Homebrew'];
  yield ['/usr/local/opt/pytorch', 'Homebrew'];
  yield ['/home/linuxbrew/.linuxbrew/opt/pytorch', 'Homebrew'];
  yield ['/usr/local', 'local installation'];
  yield [downloaded, 'download'];
}

/** The folder of a Python's torch package, located without importing torch, which would take seconds. */
function torchOf(python) {
  const question = 'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0])';
  return output(python, ['-c', question]);
}

function inspect(path, source) {
  const name = source === 'LIBTORCH' ? `LIBTORCH=${path}` : path;
  const remedy = 'set LIBTORCH to the folder of an unpacked libtorch, which holds include/ and lib/, or unset it.';
  const include = join(path, 'include');
  const api = join(include, 'torch/csrc/api/include');
  if (!existsSync(join(api, 'torch/version.h'))) {
    throw new SetupError(`${name} has no libtorch headers (${join(api, 'torch/version.h')} is missing): ${remedy}`);
  }
  const libs = [join(path, 'lib'), join(path, 'lib', MULTIARCH)];
  const lib = libs.find((folder) => existsSync(join(folder, `libtorch_cpu.${SUFFIX}`)));
  if (!lib) throw new SetupError(`${name} has no libtorch_cpu.${SUFFIX} in ${libs.join(' or ')}: ${remedy}`);
  const version = versionOf(include, api);
  if (older(version, OLDEST))
    throw new SetupError(`${name} is libtorch ${version}, but ${OLDEST} or newer is needed: ${remedy}`);
  return { path, include: [include, api], lib, version, source };
}

function versionOf(include, api) {
  // Newer releases moved the numbers to another header.
  const moved = join(include, 'torch/headeronly/version.h');
  const text = readFileSync(existsSync(moved) ? moved : join(api, 'torch/version.h'), 'utf8');
  const part = (name) => new RegExp(`#define TORCH_VERSION_${name} (\\d+)`).exec(text)?.[1] ?? '0';
  return ['MAJOR', 'MINOR', 'PATCH'].map(part).join('.');
}

function older(version, than) {
  const [a, b] = [version, than].map((text) => text.split('.').map((part) => Number.parseInt(part, 10)));
  return a[0] !== b[0] ? a[0] < b[0] : a[1] < b[1];
}

async function install(downloaded) {
  if (canApt()) {
    const candidate = aptCandidate('libtorch-dev');
    if (candidate && !older(candidate, OLDEST)) {
      say(`installing libtorch-dev ${candidate} and OpenBLAS with apt-get (a minute or two)`);
      aptInstall(['libtorch-dev', 'libopenblas0-openmp']);
      return inspect('/usr', 'system package');
    }
  }
  return fetchArchive(downloaded);
}

async function fetchArchive(folder) {
  const platform = `${process.platform}-${process.arch}`;
  const archive = ARCHIVES[platform];
  const remedy =
    'install libtorch-dev (Debian, Ubuntu) or `pip install torch`, or set LIBTORCH to an unpacked libtorch.';
  if (!archive) throw new SetupError(`libtorch was not found and has no official archive for ${platform}: ${remedy}`);
  // A mirror must have the same file: the checksum above applies to it.
  const url = process.env.EVENHAND_LIBTORCH_URL || archive.url;
  say(`downloading libtorch ${ARCHIVE_VERSION} from ${url}`);
  const file = `${folder}.zip`;
  const unpacked = `${folder}.unpacking`;
  try {
    await download({ url, file, sha256: archive.sha256 });
    say('unpacking libtorch');
    await rm(unpacked, { recursive: true, force: true });
    await unzip(file, unpacked);
  } catch (error) {
    if (error instanceof SetupError)
      throw new SetupError(`libtorch was not found, and ${error.message} Instead, ${remedy}`);
    throw error;
  }
  await rename(join(unpacked, 'libtorch'), folder);
  await rm(unpacked, { recursive: true });
  await rm(file);
  return inspect(folder, 'download');
}

/** Debian's libtorch uses the system's BLAS, by default the reference implementation, which is slow. */
function ensureFastBlas(libtorch) {
  const blas = join(libtorch.lib, 'libblas.so.3');
  if (libtorch.source !== 'system package' || !existsSync(blas)) return;
  const isReference = basename(dirname(realpathSync(blas))) === 'blas';
  if (!isReference || existsSync(join(libtorch.lib, 'openblas-openmp'))) return;
  if (canApt()) {
    say('installing libopenblas0-openmp with apt-get, because the installed BLAS is the slow reference implementation');
    aptInstall(['libopenblas0-openmp']);
  } else {
    say(
      'the installed BLAS is the slow reference implementation: `sudo apt-get install libopenblas0-openmp` makes training faster.',
    );
  }
}
