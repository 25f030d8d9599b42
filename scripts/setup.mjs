// Installs and builds what the tests, the demo and the benchmarks need. It uses only Node's built-in modules, because npm
// packages may not be installed yet. Steps that are done are skipped.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BuildError, build } from '../packages/torch/native/build.mjs';
import { aptCandidate, aptInstall, canApt } from './apt.mjs';
import { onPath, output, run, SetupError, say } from './command.mjs';
import { ensureLibtorch } from './libtorch.mjs';
import { startProgress } from './progress.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

try {
  checkPlatform();
  const compiler = ensureCompiler();
  ensurePackages();
  const libtorch = await ensureLibtorch(ROOT);
  await compileAddon(libtorch, compiler);
  compileTypeScript();
  if (process.argv.includes('--browser')) ensureBrowser();
} catch (error) {
  if (!(error instanceof SetupError || error instanceof BuildError)) throw error;
  console.error(`setup: ${error.message}`);
  process.exitCode = 1;
}

function checkPlatform() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 9)) {
    throw new SetupError(
      `evenhand needs Node.js 20.9 or newer, but this is ${process.versions.node}: see https://nodejs.org.`,
    );
  }
  if (process.platform !== 'linux' && process.platform !== 'darwin') {
    throw new SetupError(`evenhand runs on Linux and macOS, but this is ${process.platform}: on Windows, use WSL 2.`);
  }
}

function ensureCompiler() {
  const chosen = process.env.CXX;
  if (chosen) {
    if (output(chosen, ['--version']) !== undefined) return chosen;
    throw new SetupError(`CXX=${chosen} is not a working C++ compiler: set it to g++ or clang++, or unset it.`);
  }
  // macOS has commands with these names that only offer to install the real ones.
  const works = (name) => onPath(name) && output(name, ['--version']) !== undefined;
  const found = ['g++', 'clang++'].find(works);
  if (found) return found;
  if (process.platform === 'darwin') throw new SetupError('No C++ compiler was found: run `xcode-select --install`.');
  if (!canApt())
    throw new SetupError('No C++ compiler was found: install g++ (on Debian, Ubuntu: `apt-get install g++`).');
  say('installing g++ with apt-get');
  aptInstall(['g++', 'libc6-dev']);
  return 'g++';
}

function ensurePackages() {
  if (packagesMatch()) return;
  say('installing npm packages from package-lock.json (about a minute)');
  // onnxruntime-node's install step would download CUDA libraries, which prediction on the CPU does not use.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  if (!run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: ROOT, env })) {
    throw new SetupError('`npm ci` failed, see above: fix the cause and run again.');
  }
}

/** Whether node_modules matches the lock file, according to the list that npm writes there when it has finished. */
function packagesMatch() {
  const list = join(ROOT, 'node_modules/.package-lock.json');
  if (!existsSync(list)) return false;
  const wanted = lockedPackages(join(ROOT, 'package-lock.json'));
  const present = lockedPackages(list);
  for (const [path, { version, optional }] of wanted) {
    // Optional packages may be for other platforms.
    if (present.has(path) ? present.get(path).version !== version : !optional) return false;
  }
  return [...present.keys()].every((path) => wanted.has(path));
}

function lockedPackages(file) {
  const entries = Object.entries(JSON.parse(readFileSync(file, 'utf8')).packages);
  return new Map(entries.filter(([path]) => path.includes('node_modules/')));
}

async function compileAddon(libtorch, compiler) {
  let state = { done: 0, total: 0 };
  let progress;
  const onCompiled = (done, total) => {
    state = { done, total };
    progress ??= startProgress(() =>
      state.done < state.total
        ? `compiling C++ files: ${state.done} of ${state.total} done`
        : 'linking and loading the addon',
    );
    progress.update();
  };
  let built = false;
  let elapsed;
  try {
    built = await build({ libtorch, compiler, log: say, onCompiled });
  } finally {
    elapsed = progress?.end();
  }
  if (built) say(`the addon is ready (${elapsed})`);
}

function compileTypeScript() {
  if (!run(join(ROOT, 'node_modules/.bin/tsc'), ['-b'], { cwd: ROOT })) {
    throw new SetupError('TypeScript reports the errors above: fix them and run again.');
  }
}

/** For the tests in a browser, which are skipped if there is none. */
function ensureBrowser() {
  const found = process.env.CHROMIUM || ['chromium', 'chromium-browser', 'google-chrome'].find(onPath);
  if (found || process.platform === 'darwin') return;
  try {
    if (!canApt() || aptCandidate('chromium') === undefined) throw new SetupError('apt does not offer it');
    say('installing chromium with apt-get for the tests in a browser');
    aptInstall(['chromium']);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`Chromium was neither found nor installed (${error.message}): the tests in a browser are skipped`);
  }
}
