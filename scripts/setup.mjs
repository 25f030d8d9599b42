// Installs and builds what the tests, the demo and the benchmarks need. Steps that are done are skipped. It uses only Node's
// built-in modules until the npm packages are installed; libtorch and the addon are the work of packages/torch/src/setup,
// which `evenhand setup` uses too.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

class SetupFailure extends Error {}

const say = (line) => console.log(`setup: ${line}`);

try {
  checkNode();
  ensurePackages();
  compileTypeScript();
  // Compiled by now.
  const setup = await import('../packages/torch/dist/setup/index.js');
  await setup.setUp({ clone: true, install: setup.installQuietly });
  if (process.argv.includes('--browser')) ensureBrowser(setup);
} catch (error) {
  if (!(error instanceof SetupFailure) && error.constructor.name !== 'SetupError') throw error;
  console.error(`setup: ${error.message}`);
  process.exitCode = 1;
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 9)) {
    throw new SetupFailure(
      `evenhand needs Node.js 20.9 or newer, but this is ${process.versions.node}: see https://nodejs.org.`,
    );
  }
}

function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'], ...options }).status === 0;
}

function ensurePackages() {
  if (packagesMatch()) return;
  say('installing npm packages from package-lock.json (about a minute)');
  // onnxruntime-node's install step would download CUDA libraries, which prediction on the CPU does not use.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  if (!run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { env })) {
    throw new SetupFailure('`npm ci` failed, see above: fix the cause and run again.');
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

function compileTypeScript() {
  if (!run(join(ROOT, 'node_modules/.bin/tsc'), ['-b'])) {
    throw new SetupFailure('TypeScript reports the errors above: fix them and run again.');
  }
}

/** For the tests in a browser, which are skipped if there is none. */
function ensureBrowser({ aptCandidate, aptInstall, canApt, onPath }) {
  const found = process.env.CHROMIUM || ['chromium', 'chromium-browser', 'google-chrome'].find(onPath);
  if (found || process.platform === 'darwin') return;
  const skipped = (reason) =>
    say(`Chromium was neither found nor installed (${reason}): the tests in a browser are skipped`);
  if (!canApt() || aptCandidate('chromium') === undefined) {
    skipped('apt does not offer it');
    return;
  }
  say('installing chromium with apt-get for the tests in a browser');
  try {
    aptInstall(['chromium']);
  } catch (error) {
    if (error.constructor.name !== 'SetupError') throw error;
    skipped(error.message);
  }
}
