// Addons that were built in advance, in optional packages for each platform such as @evenhand/torch-linux-x64. They are built
// by scripts/prebuild.mjs for the libtorch that set-up downloads.
import { cpSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ADDON, packageVersion } from '../addon-file.js';
import { abiOf } from './addons.js';
import { compareVersions, type Libtorch, type Variant } from './libtorch.js';

/** What `prebuilt.json` in such a package says of each addon. */
export interface Prebuilt {
  /** Its folder in the package. */
  readonly folder: string;
  /** The version of libtorch. */
  readonly libtorch: string;
  readonly variant: Variant;
  readonly abi: string;
  /** The oldest glibc and libstdc++ with which it works; absent on macOS. */
  readonly glibc?: string;
  readonly glibcxx?: string;
}

export interface PrebuiltList {
  /** The version of @evenhand/torch. */
  readonly version: string;
  readonly addons: readonly Prebuilt[];
}

/** The name of the package for this platform. */
export const PREBUILT_PACKAGE = `@evenhand/torch-${process.platform}-${process.arch}`;

/** The file of the prebuilt addon for a libtorch; undefined if none fits. */
export function findPrebuilt(libtorch: Libtorch): string | undefined {
  const list = readList();
  if (list === undefined || list.version !== packageVersion()) return undefined;
  const fitting = list.addons.find((addon) => isFitting(addon, libtorch));
  return fitting && join(list.root, fitting.folder, ADDON);
}

/** The prebuilt addons that npm has installed; undefined if the package is absent. */
export function readList(): (PrebuiltList & { readonly root: string }) | undefined {
  const require = createRequire(import.meta.url);
  try {
    const file = require.resolve(`${PREBUILT_PACKAGE}/prebuilt.json`);
    return { ...(JSON.parse(readFileSync(file, 'utf8')) as PrebuiltList), root: dirname(file) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

function isFitting(addon: Prebuilt, libtorch: Libtorch): boolean {
  const glibc = glibcVersion();
  return (
    addon.libtorch === libtorch.version &&
    addon.variant === libtorch.variant &&
    addon.abi === abiOf(libtorch) &&
    (addon.glibc === undefined || (glibc !== undefined && compareVersions(glibc, addon.glibc) >= 0))
  );
}

/** Copies it, so that it stays when the package is removed. */
export function takePrebuilt(file: string, folder: string): void {
  cpSync(file, join(folder, ADDON));
}

/** The glibc of this process; undefined with another C library. */
export function glibcVersion(): string | undefined {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime;
}
