// The addons in the user's cache: one folder for each libtorch, and a link to that in use. Switching between a CPU and a CUDA
// libtorch builds nothing twice.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ADDON, addonStore, LIBTORCH_NOTE, type LibtorchNote, selectedAddon } from '../addon-file.js';
import { SetupError, say } from './command.js';
import { libraryLink, openBlas } from './libraries.js';
import { type Libtorch, SUFFIX, stringAbi } from './libtorch.js';
import { tryAddon } from './try-addon.js';

/** The C++ ABI of a libtorch in its file names' words. */
export function abiOf(libtorch: Libtorch): string {
  return { 0: 'pre-cxx11', 1: 'cxx11', none: 'default' }[stringAbi(libtorch) ?? 'none'];
}

/** The folder of the addon for a libtorch. The hash stands for the place of its libraries and what is linked with them. */
export function addonFolder(libtorch: Libtorch): string {
  const { lib, version, variant } = libtorch;
  const library = join(realpathSync(lib), `libtorch_cpu.${SUFFIX}`);
  const hash = createHash('sha256').update(JSON.stringify([library, statSync(library).size, openBlas(libtorch)]));
  const platform = `${process.platform}-${process.arch}`;
  const name = ['libtorch', version, variant, abiOf(libtorch), platform, hash.digest('hex').slice(0, 8)].join('-');
  return join(addonStore(), name);
}

/** Whether the cache has an addon for this libtorch that works. */
export function hasAddon(folder: string, libtorch: Libtorch): boolean {
  if (!existsSync(join(folder, ADDON))) return false;
  try {
    tryAddon(join(folder, ADDON), libtorch);
    return true;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`${error.message}; it is made again`);
    return false;
  }
}

/** Fills the folder of an addon by `fill`, so that it has the name only when it is complete. */
export async function makeAddon(
  folder: string,
  libtorch: Libtorch,
  fill: (part: string) => Promise<void>,
): Promise<void> {
  const part = `${folder}.${process.pid}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  try {
    libraryLink(part, libtorch);
    await fill(part);
    rmSync(folder, { recursive: true, force: true });
    renameSync(part, folder);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/** Writes beside an addon what it was made for. */
export function writeNote(folder: string, { path, version, source }: Libtorch, addon: string): void {
  const note: LibtorchNote = { path, version, source, addon };
  writeFileSync(join(folder, LIBTORCH_NOTE), `${JSON.stringify(note, null, 2)}\n`);
}

/** Makes this the addon in use. */
export function selectAddon(folder: string): void {
  const link = `${selectedAddon()}.${process.pid}`;
  rmSync(link, { force: true });
  symlinkSync(basename(folder), link);
  // The old link is replaced in one step, so that a program that starts now finds one of the two.
  renameSync(link, selectedAddon());
}
