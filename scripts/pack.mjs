// Packs all packages as they are published: `node scripts/pack.mjs [--out DIR] [--all-platforms]`. Needs a build. What differs
// from the workspace: ONNX Runtime is a package per platform (onnxruntime-node has all of them, and an install step that
// downloads CUDA libraries), ECharts and the scripts of pages are bundled, and tests and source maps are left out.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { packOnnxRuntime } from './pack-onnxruntime.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(join(ROOT, 'packages/evenhand/package.json'));

/** The platforms with prebuilt addons, which scripts/prebuild.mjs makes on each: those for which set-up downloads libtorch. */
const PREBUILT = ['linux-x64', 'darwin-arm64'];

/** The folders of the packages, in the order in which they can be published. */
export const PACKAGES = ['torch', 'predict', 'evenhand', 'herbarium'];

/**
 * Writes the tarballs of all packages to the folder `out`, and the folders that they were packed from to `out`/staged.
 *
 * @param platforms the platforms of ONNX Runtime to pack, such as `['linux-x64']`, or `all`; this machine's by default
 * @returns the paths of the tarballs by name of the package, dependencies first
 */
export async function packAll({ out, platforms }) {
  return pack(await stageAll({ out, platforms }), out);
}

/** The folders that `packAll` packs. */
export async function stageAll({ out, platforms = [`${process.platform}-${process.arch}`] }) {
  const staged = join(out, 'staged');
  rmSync(staged, { recursive: true, force: true });
  const { repository } = manifestOf(join(ROOT, 'packages/predict'));
  const folders = packOnnxRuntime(staged, platforms, repository);
  folders.push(...prebuiltFolders());
  for (const name of PACKAGES) folders.push(await stage(name, join(staged, name)));
  return folders;
}

async function stage(name, folder) {
  const source = join(ROOT, 'packages', name);
  const manifest = manifestOf(source);
  for (const entry of manifest.files.filter((file) => !file.startsWith('!'))) {
    cpSync(join(source, entry), join(folder, entry), { recursive: true, filter: (path) => isShipped(source, path) });
  }
  for (const path of filesIn(join(folder, 'dist'))) removeSourceMap(path);
  const readme = name === 'evenhand' ? join(ROOT, 'README.md') : join(source, 'README.md');
  cpSync(readme, join(folder, 'README.md'));
  cpSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
  if (name === 'evenhand') await bundle(folder);
  if (name === 'torch') {
    const parts = PREBUILT.map((platform) => [`@evenhand/torch-${platform}`, manifest.version]);
    manifest.optionalDependencies = Object.fromEntries(parts);
  }
  if (name === 'predict') manifest.dependencies['@evenhand/onnxruntime'] = onnxruntimeVersion();
  // Everything that was copied is shipped.
  const { files: _files, devDependencies: _development, ...published } = manifest;
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
  return folder;
}

/** The packages that prebuild.mjs has made here, of this version. */
function prebuiltFolders() {
  const { version } = manifestOf(join(ROOT, 'packages/torch'));
  const folders = PREBUILT.map((platform) => join(ROOT, 'build/prebuilt', `torch-${platform}`));
  return folders.filter((folder) => existsSync(join(folder, 'package.json')) && manifestOf(folder).version === version);
}

/** Not tests, what only tests use, source maps, and files in `dist` whose source is gone. */
function isShipped(source, path) {
  const file = path
    .slice(source.length + 1)
    .split(sep)
    .join('/');
  if (/\.test\.|\.map$|^dist\/testing(\/|$)/.test(file)) return false;
  const compiled = /^dist\/(.*)\.(js|d\.ts)$/.exec(file);
  return compiled === null || existsSync(join(source, 'src', `${compiled[1]}.ts`));
}

/** The comment that names a source map, which some bundlers look for. */
function removeSourceMap(path) {
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace(/\n\/\/# sourceMappingURL=\S+\s*$/, '\n'));
}

/** What the workspace bundles when it is needed; see the functions that are called here. */
async function bundle(folder) {
  const { build } = require('esbuild');
  const compiled = (path) => import(pathToFileURL(join(ROOT, 'packages/evenhand/dist', path)).href);
  const { bundleScript } = await compiled('report/page/document.js');
  for (const page of ['run', 'audit', 'board']) {
    const scripts = join(folder, 'dist/report', page, 'browser');
    const entry = pathToFileURL(join(ROOT, 'packages/evenhand/dist/report', page, 'browser/main.js'));
    writeFileSync(join(scripts, 'main.bundle.js'), await bundleScript(entry));
  }
  const { TRY_SCRIPTS, tryScript } = await compiled('report/try/scripts.js');
  for (const [name, file] of Object.entries(TRY_SCRIPTS)) {
    writeFileSync(join(folder, 'dist/report/try/browser', `${file}.bundle.js`), await tryScript(name));
  }
  const { bundleProgram } = await compiled('cli/submit/bundle.js');
  mkdirSync(join(folder, 'dist/cli/submit/bundle'));
  for (const [name, contents] of Object.entries(await bundleProgram())) {
    writeFileSync(join(folder, 'dist/cli/submit/bundle', name), contents);
  }
  const { metafile } = await build({
    entryPoints: [join(ROOT, 'packages/evenhand/dist/report/run/charts/echarts.js')],
    outfile: join(folder, 'dist/report/run/charts/echarts.js'),
    bundle: true,
    minify: true,
    metafile: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.9',
    charset: 'utf8',
    absWorkingDir: ROOT,
  });
  const inputs = Object.keys(metafile.inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
  const bundled = [
    ['dist/report/run/charts/echarts.js', [...new Set(inputs.filter(Boolean))].sort()],
    [`dist/report/try/browser/${TRY_SCRIPTS.browser}.bundle.js`, ['pbf']],
  ];
  const texts = bundled.flatMap(([file, names]) => notices(file, names));
  writeFileSync(join(folder, 'THIRD-PARTY-NOTICES.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
}

/** The licences of packages that are bundled in a file. */
function notices(file, names) {
  return names.map((name) => {
    const folder = join(ROOT, 'node_modules', name);
    const { version, license } = manifestOf(folder);
    const files = filesIn(folder).filter((path) => /^.(licen[cs]e|notice)/i.test(path.slice(folder.length)));
    const texts = files.sort().map((path) => readFileSync(path, 'utf8').trim());
    if (texts.length === 0) throw new Error(`${name} is bundled and has no file LICENSE`);
    return `${file} contains parts of ${name} ${version} (${license}).\n\n${texts.join('\n\n')}\n`;
  });
}

/** Packs folders into the folder `out`; returns the paths of the tarballs by name of the package. */
export function pack(folders, out) {
  const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', out, ...folders];
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: out, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm pack failed: ${stderr}`);
  const files = stdout.trim().split('\n');
  return new Map(folders.map((folder, i) => [manifestOf(folder).name, join(out, files[i])]));
}

function onnxruntimeVersion() {
  return manifestOf(join(ROOT, 'node_modules/onnxruntime-node')).version;
}

const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

function filesIn(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, path, name }) => join(parentPath ?? path, name));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { out: { type: 'string' }, 'all-platforms': { type: 'boolean' } } });
  const out = values.out ?? join(ROOT, 'build/packages');
  mkdirSync(out, { recursive: true });
  const packed = await packAll({ out, ...(values['all-platforms'] ? { platforms: 'all' } : {}) });
  for (const [name, tarball] of packed) console.log(`${name}: ${tarball}`);
}
