import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { version } from '../../version.js';
import { UsageError } from '../output/errors.js';

/** The package that draws the images. It builds on this one, so it is not a dependency. */
const PACKAGE = '@evenhand/herbarium';

export interface DrawOptions {
  readonly species: number;
  readonly mostImages: number;
  readonly size: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** A summary of the drawn data set. */
export interface Drawn {
  readonly train: number;
  readonly val: number;
  readonly test: number;
  readonly wrongLabels: number;
  readonly brokenFiles: readonly string[];
}

interface Herbarium {
  writeHerbarium(folder: string, options: DrawOptions): Promise<Drawn & { readonly species: unknown }>;
}

/** Loads the package from beside this one, or from the packages of the current folder. */
export async function loadHerbarium(): Promise<Herbarium> {
  for (const place of [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json'))]) {
    try {
      return (await import(pathToFileURL(createRequire(place).resolve(PACKAGE)).href)) as Herbarium;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new UsageError(
    `demo draws its images with the package ${PACKAGE}, which is not installed: npm install ${PACKAGE}@${version()}`,
  );
}

/** Draws the data set into `folder`, or reuses that of an earlier demo if it is complete and was drawn in the same way. */
export async function drawOnce({ writeHerbarium }: Herbarium, folder: string, options: DrawOptions): Promise<Drawn> {
  const { onProgress: _progress, ...drawn } = options;
  const file = join(folder, 'summary.json');
  if (existsSync(file)) {
    const known = JSON.parse(readFileSync(file, 'utf8')) as Drawn & { readonly options: unknown };
    if (JSON.stringify(known.options) === JSON.stringify(drawn)) return known;
  }
  const { species: _species, ...summary } = await writeHerbarium(folder, options);
  writeFileSync(file, JSON.stringify({ ...summary, options: drawn }));
  return summary;
}
