import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, freemem } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { ADDON, PACKAGE } from '../addon-file.js';
import { SetupError } from './command.js';
import { LIBRARY_LINK, libraryLink, openBlas } from './libraries.js';
import { type Libtorch, SUFFIX, stringAbi } from './libtorch.js';
import { tryAddon } from './try-addon.js';

const NATIVE = join(PACKAGE, 'native');
const MAC = process.platform === 'darwin';
// Memory for compiling one file with libtorch's headers.
const BYTES_PER_JOB = 1.5 * 2 ** 30;
// Flags of single files. Augmented pixels must be the same bits on every processor.
const OWN_FLAGS: Readonly<Record<string, readonly string[]>> = {
  'kernels/augment.cc': ['-ffp-contract=off'],
  'kernels/resize.cc': ['-ffp-contract=off'],
};

export interface BuildOptions {
  readonly libtorch: Libtorch;
  /** The command of g++ or clang++. */
  readonly compiler: string;
  /** Where objects and the addon are written. */
  readonly folder: string;
  /** Called with a line if there is something to do. */
  readonly log: (line: string) => void;
  /** Called with the number of files compiled so far and their total, first with 0. */
  readonly onCompiled: (done: number, total: number) => void;
}

/**
 * Compiles `native/**\/*.cc` into the addon against libtorch. A file is compiled again only if the source, one of our headers,
 * the flags, the compiler or libtorch changed.
 *
 * @returns true if it built something
 * @throws SetupError if it does not compile or link, or the addon does not work
 */
export async function build({ libtorch, compiler, folder, log, onCompiled }: BuildOptions): Promise<boolean> {
  mkdirSync(folder, { recursive: true });
  const stampFile = join(folder, 'stamps.json');
  const addon = join(folder, ADDON);
  const stamps: Record<string, string> = existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, 'utf8')) : {};
  const flags = compileFlags(libtorch, compiler);
  const common = [compiler, versionOf(compiler), fingerprint(libtorch), ...flags];
  const ownFlags = flagsOfFiles(libtorch);
  const units = sources().map((source) => unitOf(source, folder, common, ownFlags[source] ?? []));
  const keys = new Map(units.map((unit) => [unit.name, unit.key()]));
  const stale = units.filter((unit) => !existsSync(unit.object) || stamps[unit.name] !== keys.get(unit.name));

  const link = linkFlags(libtorch, compiler);
  const linkKey = hash([JSON.stringify(libtorch), ...link, ...units.map((unit) => unit.name)]);
  if (stale.length === 0 && existsSync(addon) && stamps.link === linkKey) return false;

  const unchanged = units.length - stale.length;
  const work = stale.length > 0 ? `compiling ${stale.length} C++ files` : 'linking the addon';
  const skipped = stale.length > 0 && unchanged > 0 ? `; ${unchanged} others are unchanged` : '';
  log(`${work} against libtorch ${libtorch.version} (${libtorch.path})${skipped}`);
  // Without the stamp, an interrupted build links again.
  delete stamps.link;
  let compiled = 0;
  onCompiled(compiled, stale.length);
  await inParallel(stale, async (unit) => {
    delete stamps[unit.name];
    const started = Date.now();
    await compile(
      compiler,
      [...flags, ...unit.flags, '-MMD', '-MF', unit.dependencies, '-c', unit.source, '-o', unit.object],
      libtorch,
    );
    onCompiled(++compiled, stale.length);
    // Only now is it known which headers the file includes. A header edited meanwhile may or may not be in the object.
    if (unit.inputs().some((file) => statSync(file).mtimeMs >= started)) return;
    stamps[unit.name] = unit.key();
    writeFileSync(stampFile, JSON.stringify(stamps));
  });

  // Renamed into place, so that a process that has mapped the old addon keeps it, and none loads an incomplete one.
  const linked = join(folder, `linked-${process.pid}.node`);
  try {
    await compile(compiler, ['-shared', '-o', linked, ...units.map((unit) => unit.object), ...link], libtorch);
    libraryLink(folder, libtorch);
    tryAddon(linked, libtorch);
    renameSync(linked, addon);
  } finally {
    rmSync(linked, { force: true });
  }
  stamps.link = linkKey;
  writeFileSync(stampFile, JSON.stringify(stamps));
  return true;
}

function sources(): string[] {
  return readdirSync(NATIVE, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.cc'))
    .sort();
}

interface Unit {
  readonly name: string;
  readonly source: string;
  readonly object: string;
  readonly dependencies: string;
  readonly flags: readonly string[];
  inputs(): string[];
  key(): string;
}

function unitOf(name: string, folder: string, common: readonly string[], flags: readonly string[]): Unit {
  const stem = join(folder, name.replaceAll('/', '_').replace(/\.cc$/, ''));
  const source = join(NATIVE, name);
  const dependencies = `${stem}.d`;
  const inputs = () => [source, ...headersIn(dependencies)];
  return {
    name,
    source,
    object: `${stem}.o`,
    dependencies,
    flags,
    inputs,
    key: () => hash([...common, ...flags, ...inputs().map(contents)]),
  };
}

/** Our headers in a compiler's dependency file. libtorch's are system headers, which -MMD leaves out. */
function headersIn(file: string): string[] {
  if (!existsSync(file)) return [];
  const names =
    readFileSync(file, 'utf8')
      .replaceAll('\\\n', ' ')
      .match(/(?:\\ |\S)+/g) ?? [];
  return names.map((name) => name.replaceAll('\\ ', ' ')).filter((name) => name.endsWith('.h'));
}

function contents(file: string): Buffer | string {
  return existsSync(file) ? readFileSync(file) : '';
}

function hash(parts: readonly (string | Buffer)[]): string {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(part).update('\0');
  return sum.digest('hex');
}

/** Changes if libtorch is replaced in place, or if the headers from npm are. */
function fingerprint(libtorch: Libtorch): string {
  const { size, mtimeMs } = statSync(join(libtorch.lib, `libtorch_cpu.${SUFFIX}`));
  return `${libtorch.version} ${size} ${mtimeMs} ${nodeHeaders().map((header) => header.version)}`;
}

function nodeHeaders(): { include: string; version: string }[] {
  const require = createRequire(import.meta.url);
  const packages = [
    ['node-addon-api', ''],
    ['node-api-headers', 'include'],
  ] as const;
  return packages.map(([name, folder]) => {
    const manifest = require.resolve(`${name}/package.json`);
    return { include: join(dirname(manifest), folder), version: require(manifest).version };
  });
}

function compileFlags(libtorch: Libtorch, compiler: string): string[] {
  const defines = ['NAPI_VERSION=8', 'NODE_ADDON_API_CPP_EXCEPTIONS', 'NODE_GYP_MODULE_NAME=evenhand_torch'];
  const abi = stringAbi(libtorch);
  if (abi !== undefined) defines.push(`_GLIBCXX_USE_CXX11_ABI=${abi}`);
  // As system headers, so that their warnings are not shown. /usr/include is searched anyway, and must come last.
  const include = [...nodeHeaders().map((header) => header.include), ...libtorch.include];
  return [
    `-std=${standard(libtorch)}`,
    '-O3',
    '-fPIC',
    '-fvisibility=hidden',
    '-Wall',
    ...openMp(libtorch, compiler).compile,
    ...defines.map((define) => `-D${define}`),
    `-I${NATIVE}`,
    ...include.filter((folder) => folder !== '/usr/include').flatMap((folder) => ['-isystem', folder]),
  ];
}

function linkFlags(libtorch: Libtorch, compiler: string): string[] {
  const names = ['torch', 'torch_cpu', 'c10', 'torch_cuda', 'c10_cuda'];
  const here = names.filter((name) => existsSync(join(libtorch.lib, `lib${name}.${SUFFIX}`)));
  const libraries = [`-L${libtorch.lib}`, ...here.map((name) => `-l${name}`), ...openMp(libtorch, compiler).link];
  if (MAC) return [...libraries, '-undefined', 'dynamic_lookup', `-Wl,-rpath,@loader_path/${LIBRARY_LINK}`];
  const blas = openBlas(libtorch);
  // A link beside the addon, so that an addon can be used with the same libtorch in another place.
  const rpath = [...blas.map((file) => dirname(file)), `$ORIGIN/${LIBRARY_LINK}`];
  // The CUDA libraries register their kernels when they are loaded; nothing references them by name.
  return [
    '-Wl,-z,now',
    '-Wl,--no-as-needed',
    ...blas,
    ...libraries,
    ...[...new Set(rpath)].map((folder) => `-Wl,-rpath,${folder}`),
  ];
}

/** at::parallel_for is a template: it runs in parallel only if we compile with the OpenMP that libtorch uses. */
function openMp({ include, lib }: Libtorch, compiler: string): { compile: string[]; link: string[] } {
  const headers = include[0]!;
  const config = readFileSync(join(headers, 'ATen/Config.h'), 'utf8');
  if (!config.includes('AT_PARALLEL_OPENMP 1')) return { compile: [], link: [] };
  if (MAC) {
    if (!existsSync(join(headers, 'omp.h')) || !existsSync(join(lib, 'libomp.dylib'))) return { compile: [], link: [] };
    return { compile: ['-Xclang', '-fopenmp'], link: ['-lomp'] };
  }
  // clang's OpenMP has its own runtime, and two runtimes in a process compete for the cores.
  if (!/g\+\+/.test(basename(compiler)) || /clang/.test(basename(compiler))) return { compile: [], link: [] };
  // pip's packages and the official archives contain their own libgomp, some under another name.
  const own = readdirSync(lib).find((name) => /^libgomp.*\.so/.test(name));
  return { compile: ['-fopenmp'], link: own ? [join(lib, own)] : ['-fopenmp'] };
}

/** Flags of single files: what is compiled only where libtorch and headers have what it needs. */
function flagsOfFiles(libtorch: Libtorch): Readonly<Record<string, readonly string[]>> {
  const distributed = distributedFlags(libtorch);
  return {
    ...OWN_FLAGS,
    'graph.cc': cudaFlags('-DEVENHAND_CUDA', ['cuda.h', 'cuda_runtime_api.h', 'crt/host_defines.h'], libtorch),
    'distributed.cc': distributed,
    'distributed_nccl.cc': distributed,
    'gradient_buckets.cc': distributed,
  };
}

/**
 * The flags with which c10d is built: with Gloo if libtorch contains it, not only its headers, and with NCCL if its headers and
 * those of CUDA are here too. c10d's headers are empty without definitions of their own.
 */
function distributedFlags(libtorch: Libtorch): string[] {
  const { include, lib } = libtorch;
  const header = join(include[0]!, 'torch/csrc/distributed/c10d/ProcessGroupGloo.hpp');
  if (
    !existsSync(header) ||
    !contains(join(lib, `libtorch_cpu.${SUFFIX}`), 'c10d16ProcessGroupGloo23createDeviceForHostname')
  )
    return [];
  const cuda = join(lib, 'libtorch_cuda.so');
  const hasNccl = existsSync(cuda) && contains(cuda, 'c10d16ProcessGroupNCCL9broadcast');
  const headers = ['nccl.h', 'cuda_runtime_api.h', 'crt/host_defines.h', 'cublas_v2.h', 'cusparse.h', 'cusolverDn.h'];
  return [
    '-DEVENHAND_GLOO',
    '-DUSE_C10D_GLOO',
    ...(hasNccl ? cudaFlags('-DEVENHAND_NCCL -DUSE_C10D_NCCL', headers, libtorch) : []),
  ];
}

const contains = (file: string, symbol: string): boolean => readFileSync(file).includes(symbol);

/**
 * Definitions, and where these headers of CUDA are, as the Python packages that libtorch needs have them, or the toolkit. Empty
 * if libtorch has no CUDA or a header is not installed.
 */
function cudaFlags(defines: string, headers: readonly string[], { path, lib }: Libtorch): string[] {
  if (!existsSync(join(lib, 'libtorch_cuda.so'))) return [];
  const packages = join(path, '..', 'nvidia');
  const toolkits = [process.env.CUDA_HOME, process.env.CUDA_PATH, '/usr/local/cuda'].filter(
    (name) => name !== undefined,
  );
  const folders = [
    ...(existsSync(packages) ? readdirSync(packages) : []).sort().map((name) => join(packages, name, 'include')),
    ...toolkits.map((folder) => join(folder, 'include')),
    '/usr/include',
  ];
  const found = headers.map((name) => folders.find((folder) => existsSync(join(folder, name))));
  if (found.includes(undefined)) return [];
  const needed = [...new Set(found)].filter((folder) => folder !== '/usr/include');
  return [...defines.split(' '), ...needed.flatMap((folder) => ['-isystem', folder!])];
}

/** libtorch's main header rejects a C++ standard that is too old; from 2.14 on it needs C++20. */
function standard({ include }: Libtorch): string {
  const header = include.map((folder) => join(folder, 'torch/all.h')).find(existsSync);
  return header && readFileSync(header, 'utf8').includes('202002L') ? 'c++20' : 'c++17';
}

function versionOf(compiler: string): string {
  return spawnSync(compiler, ['--version'], { encoding: 'utf8' }).stdout ?? '';
}

async function inParallel(units: readonly Unit[], work: (unit: Unit) => Promise<void>): Promise<void> {
  const queue = [...units];
  const jobs = Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / BYTES_PER_JOB), queue.length));
  const worker = async (): Promise<void> => {
    for (let unit = queue.shift(); unit; unit = queue.shift()) await work(unit);
  };
  const results = await Promise.allSettled(Array.from({ length: jobs }, worker));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
}

function compile(compiler: string, args: readonly string[], libtorch: Libtorch): Promise<void> {
  return new Promise((done, fail) => {
    execFile(compiler, args, { maxBuffer: 2 ** 26 }, (error, _stdout, stderr) => {
      if (!error) return done();
      // Without a message, it was ended from outside, mostly for lack of memory.
      const lines =
        stderr.trim() === ''
          ? [`${compiler} ended without a message (${error.signal ?? error.code})`]
          : stderr.split('\n');
      const first = Math.max(
        0,
        lines.findIndex((line) => /error|undefined reference|cannot find/.test(line)),
      );
      const input = args.find((arg) => arg.endsWith('.cc'));
      const what = input ? `${input} does not compile` : 'The addon does not link';
      fail(
        new SetupError(
          `${lines.slice(first, first + 12).join('\n')}\n${what} against libtorch ${libtorch.version} in ` +
            `${libtorch.path} (${libtorch.source}) with ${compiler}: set LIBTORCH to another release of libtorch, or report this.`,
        ),
      );
    });
  });
}
