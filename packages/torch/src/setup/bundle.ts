// One archive with libtorch and the addon for it, made on one machine and used on others that have no network.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ADDON, packageVersion } from '../addon-file.js';
import { addonFolder, makeAddon, selectAddon, writeNote } from './addons.js';
import { SetupError, say } from './command.js';
import { downloads, inspect, type Libtorch, type Variant } from './libtorch.js';
import type { Installation } from './set-up.js';
import { tryAddon } from './try-addon.js';

/** `bundle.json`, beside the folders `libtorch` and `addon`. */
interface Bundle {
  /** Of evenhand. */
  readonly version: string;
  readonly platform: string;
  readonly libtorch: string;
  readonly variant: Variant;
}

const platform = `${process.platform}-${process.arch}`;

/** What of libtorch is not needed: Python's part, static libraries and tests. */
const EXCLUDED = ['libtorch_python.*', '*.a', '*_test.so', 'libshm_windows'];

/**
 * Writes a bundle, a tar file compressed with gzip.
 *
 * @throws SetupError if this libtorch depends on other packages, or the file cannot be written
 */
export function writeBundle(file: string, { libtorch, addon }: Installation): void {
  const { path, version, source, variant } = libtorch;
  const needsOthers = variant === 'cuda' && existsSync(join(path, '../nvidia'));
  if ((source !== 'download' && !existsSync(join(path, 'lib/libc10.so'))) || path.startsWith('/usr') || needsOthers) {
    throw new SetupError(
      `libtorch in ${path} (${source}) needs libraries of other packages, so it cannot be bundled: use an archive of pytorch.org, ` +
        'with `evenhand setup --libtorch DIR --bundle FILE`.',
    );
  }
  const folder = mkdtempSync(join(tmpdir(), 'evenhand-bundle-'));
  try {
    const about: Bundle = { version: packageVersion(), platform, libtorch: version, variant };
    writeFileSync(join(folder, 'bundle.json'), `${JSON.stringify(about, null, 2)}\n`);
    mkdirSync(join(folder, 'addon'));
    cpSync(addon, join(folder, 'addon', ADDON));
    mkdirSync(join(folder, 'libtorch'));
    for (const part of ['include', 'lib']) symlinkSync(join(path, part), join(folder, 'libtorch', part));
    say(`writing ${file}: libtorch ${version} for ${variant} and the addon (a minute)`);
    const excluded = EXCLUDED.map((pattern) => `--exclude=${pattern}`);
    const part = `${resolve(file)}.${process.pid}.part`;
    try {
      tar(['-czf', part, '--dereference', ...excluded, '-C', folder, 'bundle.json', 'addon', 'libtorch'], file);
      renameSync(part, file);
    } finally {
      rmSync(part, { force: true });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Unpacks a bundle into the user's cache and makes it the libtorch in use.
 *
 * @throws SetupError if it is not a bundle, or is for another version or platform, or does not work here
 */
export async function useBundle(file: string): Promise<Installation> {
  if (!existsSync(file)) throw new SetupError(`${file}: there is no such file.`);
  mkdirSync(downloads(), { recursive: true });
  const folder = mkdtempSync(join(downloads(), 'bundle.unpacking-'));
  try {
    say(`unpacking ${file}`);
    tar(['-xzf', resolve(file), '-C', folder], file);
    const { libtorch: version, variant } = checkBundle(folder, file);
    const place = join(downloads(), `${version}-${variant}`);
    rmSync(place, { recursive: true, force: true });
    renameSync(join(folder, 'libtorch'), place);
    const libtorch: Libtorch = inspect(place, 'bundle');
    const target = addonFolder(libtorch);
    await makeAddon(target, libtorch, async (part) => {
      cpSync(join(folder, 'addon', ADDON), join(part, ADDON));
      tryAddon(join(part, ADDON), libtorch);
      writeNote(part, libtorch, 'bundle');
    });
    selectAddon(target);
    const addon = join(target, ADDON);
    return { libtorch, addon };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function checkBundle(folder: string, file: string): Bundle {
  const manifest = join(folder, 'bundle.json');
  if (!existsSync(manifest)) throw new SetupError(`${file} is not a bundle of \`evenhand setup --bundle FILE\`.`);
  const bundle = JSON.parse(readFileSync(manifest, 'utf8')) as Bundle;
  const [own, theirs] = [
    `evenhand ${packageVersion()} on ${platform}`,
    `evenhand ${bundle.version} on ${bundle.platform}`,
  ];
  if (own !== theirs) {
    throw new SetupError(
      `${file} is for ${theirs}, but this is ${own}: make a bundle with the same version on such a machine.`,
    );
  }
  return bundle;
}

function tar(args: readonly string[], file: string): void {
  const { status, stderr, error } = spawnSync('tar', args, { encoding: 'utf8', cwd: dirname(resolve(file)) });
  if (status === 0) return;
  const reason = (error?.message ?? stderr).trim().split('\n', 1)[0];
  throw new SetupError(`${file}: tar failed (${reason}).`);
}
