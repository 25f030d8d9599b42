// Builds the addon for a libtorch in advance and makes or extends the npm package of this platform, such as
// @evenhand/torch-linux-x64, which scripts/pack.mjs packs: `node scripts/prebuild.mjs [--libtorch DIR]`, after a build. Without
// --libtorch it takes the one that set-up finds. Build on the oldest system that is to be supported: the package names the oldest glibc
// with which the addon works, and set-up compiles the addon elsewhere.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  ADDON,
  abiOf,
  build,
  findCompiler,
  findLibtorch,
  PREBUILT_PACKAGE,
  packageVersion,
  SetupError,
  say,
} from '../packages/torch/dist/setup/index.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
/** The folder of the package; `pack.mjs` looks here. */
const PACKAGE = join(ROOT, 'build/prebuilt', PREBUILT_PACKAGE.replace('@evenhand/', ''));

const { values } = parseArgs({ options: { libtorch: { type: 'string' } } });
try {
  await prebuild(findLibtorch(undefined, values.libtorch));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`prebuild: ${error.message}`);
  process.exitCode = 1;
}

async function prebuild(libtorch) {
  if (libtorch === undefined) throw new SetupError('libtorch was not found: name its folder with --libtorch.');
  const compiler = process.env.CXX || findCompiler();
  if (compiler === undefined) throw new SetupError('no C++ compiler was found.');
  const { version, variant } = libtorch;
  const abi = abiOf(libtorch);
  const name = `libtorch-${version}-${variant}-${abi}`;
  // Objects are kept, so that a change compiles only what it touches.
  const objects = join(ROOT, 'build/prebuilt/objects', name);
  await build({ libtorch, compiler, folder: objects, log: say, onCompiled: () => {} });
  mkdirSync(join(PACKAGE, name), { recursive: true });
  cpSync(join(objects, ADDON), join(PACKAGE, name, ADDON));
  const requirements = requirementsOf(join(objects, ADDON));
  writePackage({ folder: name, libtorch: version, variant, abi, ...requirements });
  const needs = Object.entries(requirements).map((requirement) => requirement.join(' '));
  say(`${join(PACKAGE, name, ADDON)}: ${[`libtorch ${version} for ${variant}`, ...needs].join(', ')}`);
}

/** The newest versions of glibc's and libstdc++'s symbols that a library asks for; nothing on macOS. */
function requirementsOf(addon) {
  if (process.platform !== 'linux') return {};
  const text = readFileSync(addon, 'latin1');
  const newest = (name) => {
    const versions = [...text.matchAll(new RegExp(`\\0${name}_(\\d+(?:\\.\\d+)*)(?=\\0)`, 'g'))].map(
      ([, found]) => found,
    );
    return versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
  };
  return { glibc: newest('GLIBC'), glibcxx: newest('GLIBCXX') };
}

function writePackage(addon) {
  const list = join(PACKAGE, 'prebuilt.json');
  const version = packageVersion();
  const known = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : { version, addons: [] };
  const others = known.version === version ? known.addons.filter(({ folder }) => folder !== addon.folder) : [];
  const addons = [...others, addon].sort((a, b) => (a.folder < b.folder ? -1 : 1));
  const write = (file, value) => writeFileSync(join(PACKAGE, file), `${JSON.stringify(value, null, 2)}\n`);
  write('prebuilt.json', { version, addons });
  const platform = `${process.platform} ${process.arch}`;
  const built = addons.map(({ libtorch, variant }) => `libtorch ${libtorch} (${variant})`).join(', ');
  const { repository } = JSON.parse(readFileSync(join(ROOT, 'packages/torch/package.json'), 'utf8'));
  const description = `Prebuilt addon of @evenhand/torch for ${platform}: ${built}.`;
  write('package.json', {
    name: PREBUILT_PACKAGE,
    version,
    description,
    license: 'Apache-2.0',
    // npm's provenance compares it with where the package is made.
    repository,
    // The exact files: of an earlier version, others may be in the folder.
    files: ['prebuilt.json', ...addons.map(({ folder }) => folder)],
    os: [process.platform],
    cpu: [process.arch],
    ...(process.platform === 'linux' ? { libc: ['glibc'] } : {}),
  });
  writeFileSync(join(PACKAGE, 'README.md'), `# ${PREBUILT_PACKAGE}\n\n${description}\n`);
  cpSync(join(ROOT, 'LICENSE'), join(PACKAGE, 'LICENSE'));
}
