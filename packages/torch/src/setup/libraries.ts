import { existsSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Libtorch } from './libtorch.js';

/** The link beside an addon to libtorch's libraries, where the addon looks for them. */
export const LIBRARY_LINK = 'libtorch';

/** Links libtorch's libraries into the folder of an addon. */
export function libraryLink(folder: string, { lib }: Libtorch): void {
  const link = join(folder, LIBRARY_LINK);
  rmSync(link, { force: true });
  symlinkSync(lib, link);
}

/**
 * Debian's libtorch uses the BLAS that the system's alternatives select. If several OpenBLAS are installed, that is the one
 * with its own threads, which compete with libtorch's. Loading the OpenMP variant first makes its symbols win.
 */
export function openBlas({ lib }: Libtorch): string[] {
  const folder = join(lib, 'openblas-openmp');
  return ['libopenblas.so.0', 'libblas.so.3', 'liblapack.so.3'].map((name) => join(folder, name)).filter(existsSync);
}
