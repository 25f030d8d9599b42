import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from './cache-folder.js';

/** The folder of this package. */
export const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

/** The file name of the addon. */
export const ADDON = 'evenhand_torch.node';

/** What is written beside an addon: the libtorch that it was built against. */
export const LIBTORCH_NOTE = 'libtorch.json';

/** The folder in which a clone of the repository builds the addon. An installed package has none. */
export const CLONE_BUILD = join(PACKAGE, 'build');

export const packageVersion = (): string =>
  (JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string }).version;

/** The folder in the user's cache with the addons of this version: one for each libtorch, and a link to that in use. */
export const addonStore = (): string => join(cacheFolder(), 'addons', packageVersion());

/** The link to the folder of the addon in use. */
export const selectedAddon = (): string => join(addonStore(), 'selected');

/**
 * The addon to load: `EVENHAND_ADDON`, that of the clone, or the one that set-up selected; undefined if there is none.
 */
export function findAddon(): string | undefined {
  const chosen = process.env.EVENHAND_ADDON;
  if (chosen) return existsSync(chosen) ? realpathSync(chosen) : undefined;
  const own = join(CLONE_BUILD, ADDON);
  if (existsSync(own)) return own;
  const selected = join(selectedAddon(), ADDON);
  return existsSync(selected) ? realpathSync(selected) : undefined;
}

/** The libtorch that an addon was built against, as set-up recorded it. */
export interface LibtorchNote {
  /** The folder of libtorch. */
  readonly path: string;
  readonly version: string;
  /** Where set-up found it: `download`, `system package`. */
  readonly source: string;
  /** Where the addon is from: `compiled`, or `prebuilt`. */
  readonly addon?: string;
}

/** The note beside an addon; undefined if there is none. */
export function readNote(addon: string): LibtorchNote | undefined {
  const file = join(dirname(addon), LIBTORCH_NOTE);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as LibtorchNote) : undefined;
}

/** Whether this package is the folder of a clone, and not installed by npm. */
export const isClone = (): boolean => !/[\\/]node_modules[\\/]/.test(PACKAGE);

/** The command that sets libtorch up here. */
export const setupCommand = (): string => (isClone() ? 'npm run setup' : 'npx evenhand setup');
