// Tries packages that were installed from their archives into an empty folder, outside of the repository and its node_modules.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, run } from './command.mjs';
import { ROOT } from './packages.mjs';

/** Without libtorch. */
const MOST_MEGABYTES = 150;
/** Install scripts that neither download nor compile where npm installs the packages for this platform. */
const KNOWN_SCRIPTS = new Set(['esbuild', 'sharp', 'fsevents']);
/** The smallest training by the shipped network. */
const TRAINING =
  '--model efficientnet_mini --image-size 32 --start-size 0 --epochs 1 --head-epochs 1 --batch-size 8 --on-bad-image skip'.split(
    ' ',
  );

/** Installs packages, given as archives, folders or names, into a new project in `folder`. */
export async function install(folder, packages, flags = []) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  await run('npm', ['install', '--no-audit', '--no-fund', ...flags, ...packages], { cwd: folder });
}

/** Whether an installation failed because npm could not reach the registry. */
export const isUnreachable = (error) =>
  error instanceof CommandError &&
  /^npm (error|ERR!) code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED)/m.test(
    error.output,
  );

/** Checks what lies in node_modules; returns its size in megabytes. */
export function checkFiles(app, names) {
  const modules = join(app, 'node_modules');
  for (const name of names) {
    const files = filesIn(join(modules, name));
    for (const needed of ['package.json', 'README.md', 'LICENSE'])
      if (!files.includes(needed)) throw new Error(`${name} has no file ${needed}`);
    const stray = files.find((file) => /\.test\.|\.map$|(^|\/)testing\/|\.tsbuildinfo$/.test(file));
    if (stray !== undefined) throw new Error(`${name} contains ${stray}, which users do not need`);
    const { exports } = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8'));
    for (const target of targetsOf(exports))
      if (!files.includes(target.replace('./', '')))
        throw new Error(`${name} exports ${target}, which it does not contain`);
  }
  const { packages } = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8'));
  for (const [path, { hasInstallScript }] of Object.entries(packages)) {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (hasInstallScript && !KNOWN_SCRIPTS.has(name)) throw new Error(`${path} has an install script`);
  }
  const megabytes = filesIn(modules).reduce((sum, file) => sum + statSync(join(modules, file)).size, 0) / 1e6;
  if (megabytes > MOST_MEGABYTES)
    throw new Error(`node_modules has ${megabytes.toFixed(0)} MB, more than ${MOST_MEGABYTES}`);
  return megabytes;
}

const targetsOf = (exports) =>
  typeof exports === 'string' ? [exports] : Object.values(exports ?? {}).flatMap((value) => targetsOf(value));

/** Paths of all files in a folder, relative to it. */
const filesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1));

const cacheOf = (app) => ({ EVENHAND_CACHE: join(app, 'cache') });

/** The installed command line, with a cache of its own in the project. */
export function commandLine(app, env = {}) {
  const program = join(app, 'node_modules/.bin/evenhand');
  return (...args) => run(program, args, { cwd: app, env: { ...cacheOf(app), ...env } });
}

/** Draws images of four species into `app`/data. */
export async function draw(app) {
  const options = { species: 4, mostImages: 12, size: 64, brokenFiles: 2 };
  const program = `import { writeHerbarium } from '@evenhand/herbarium'; await writeHerbarium('data', ${JSON.stringify(options)});`;
  await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: app });
}

/** Trains on the drawn images, writes the report, and predicts. */
export async function trainAndPredict(app, evenhand, flags = []) {
  await evenhand('train', 'data', '--run', 'run', ...TRAINING, ...flags);
  await evenhand('report', 'run');
  await evenhand('predict', 'run', '--csv', 'data/test.csv', '--out', 'predictions.csv');
  for (const file of ['run/model.onnx', 'run/report.html'])
    if (!existsSync(join(app, file))) throw new Error(`evenhand has not written ${file}`);
  const rows = readFileSync(join(app, 'predictions.csv'), 'utf8').trim().split('\n');
  const asked = readFileSync(join(app, 'data/test.csv'), 'utf8').trim().split('\n');
  if (rows.length !== asked.length)
    throw new Error(`predictions.csv has ${rows.length} rows for ${asked.length} of test.csv`);
}

const STRICT = ['--strict', '--skipLibCheck', 'false', '--target', 'es2022', '--types', ''];

/** Compiles a program with every entry point in strict mode, without types of other packages, for bundlers and for Node. */
export async function checkTypes(app) {
  cpSync(join(ROOT, 'scripts/release/fixtures/api.ts'), join(app, 'api.ts'));
  const compile = (...flags) => run(join(ROOT, 'node_modules/.bin/tsc'), [...STRICT, ...flags, 'api.ts'], { cwd: app });
  await compile('--module', 'esnext', '--moduleResolution', 'bundler', '--noEmit');
  await compile('--module', 'nodenext');
}

/** Runs the program that `checkTypes` has compiled, on a trained run; resolves to its labels for the first test images. */
export async function runProgram(app) {
  return JSON.parse(await run(process.execPath, ['api.js'], { cwd: app, env: cacheOf(app) }));
}
