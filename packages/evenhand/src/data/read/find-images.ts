import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { printable } from '../../printable.js';
import { DataError } from '../errors.js';
import { imagePath } from './csv.js';
import { isImageName, kindOf } from './folders.js';

/** How many rows decide in which folder the images of a table are. */
export const IMAGES_SAMPLED = 1000;

export interface ImageFolder {
  readonly folder: string;
  /** Set if it is not the folder where the layout puts images. */
  readonly note?: string;
}

/**
 * The folder of a table's images: the given one, else `NAME/images` beside NAME.csv, else the table's own folder. If
 * that holds none of them, a folder such as `images` or `NAME_images` beside the table, if only one has any.
 * @param names file names of the table, of which the first thousand are looked for
 * @throws DataError if the given folder does not exist, or several folders hold images of the table
 */
export async function imageFolderOf(
  csv: string,
  given: string | undefined,
  names: readonly string[],
): Promise<ImageFolder> {
  if (given !== undefined) {
    if ((await kindOf(given)) === 'folder') return { folder: given };
    throw new DataError(`The image folder ${given} of ${csv} does not exist.`);
  }
  const beside = path.dirname(csv);
  const stem = path.basename(csv, path.extname(csv));
  const usual = path.join(beside, stem, 'images');
  const first = (await kindOf(usual)) === 'folder' ? usual : beside;
  const sample = names.slice(0, IMAGES_SAMPLED);
  if (hasAny(first, sample)) return { folder: first };
  const others: string[] = [];
  for (const name of [stem, `${stem}_images`, `${stem}-images`, 'images', 'imgs', 'img', '.']) {
    const folder = path.join(beside, name);
    if (folder !== first && (await kindOf(folder)) === 'folder' && hasAny(folder, sample)) others.push(folder);
  }
  if (others.length > 1) {
    throw new DataError(
      `${first} has none of the images of ${csv}, but ${others.join(' and ')} have: ` +
        'name the right folder with --images (--val-images for validation images).',
    );
  }
  if (others.length === 0) return { folder: first };
  return { folder: others[0]!, note: `The images of ${csv} are in ${others[0]!}; ${first} has none of them.` };
}

function hasAny(folder: string, names: readonly string[]): boolean {
  const find = imageFinder(folder);
  return names.some((name) => {
    if (name === '') return false;
    try {
      return existsSync(find(name, ''));
    } catch (error) {
      if (error instanceof DataError) return false;
      throw error;
    }
  });
}

/**
 * Finds images by the names that tables give them, inside `folder`. A name that is not there may lack its extension, have
 * `\` for `/`, or differ in case or Unicode form: a file is found if it is the only one that fits. Otherwise the path is
 * returned as the table has it.
 * @returns a function that throws as `imagePath` does
 */
export function imageFinder(folder: string): (name: string, where: string) => string {
  const listings = new Map<string, Listing>();
  const listingOf = (directory: string): Listing => {
    let listing = listings.get(directory);
    if (listing === undefined) {
      listing = listFolder(directory);
      listings.set(directory, listing);
    }
    return listing;
  };
  return (name, where) => {
    const file = imagePath(folder, name, where);
    if (existsSync(file)) return file;
    const candidates = name.includes('\\') ? [imagePath(folder, name.replaceAll('\\', '/'), where), file] : [file];
    for (const candidate of candidates) {
      if (candidate !== file && existsSync(candidate)) return candidate;
      const [directory, base] = [path.dirname(candidate), path.basename(candidate)];
      const { names, stems } = listingOf(directory);
      const fitting = names.get(comparable(base)) ?? (isImageName(base) ? undefined : stems.get(comparable(base)));
      if (fitting?.length === 1) return path.join(directory, fitting[0]!);
    }
    return file;
  };
}

/** The images of a folder by their comparable names, and by those without the extension. */
interface Listing {
  readonly names: ReadonlyMap<string, readonly string[]>;
  readonly stems: ReadonlyMap<string, readonly string[]>;
}

function listFolder(directory: string): Listing {
  const names = new Map<string, string[]>();
  const stems = new Map<string, string[]>();
  const add = (map: Map<string, string[]>, key: string, name: string): void => {
    const same = map.get(key);
    if (same === undefined) map.set(key, [name]);
    else same.push(name);
  };
  for (const name of filesIn(directory)) {
    if (!isImageName(name)) continue;
    add(names, comparable(name), name);
    add(stems, comparable(name.slice(0, -path.extname(name).length)), name);
  }
  return { names, stems };
}

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // The scan reports images that cannot be reached.
  }
}

const comparable = (name: string): string => name.normalize('NFC').toLowerCase();

/** The reason of a `BadImage` that does not exist. */
export const MISSING_FILE = 'there is no such file';

/**
 * Why most images of a table are missing, as one sentence for the user: where they were looked for and what is there.
 * @param missing paths that do not exist, at least one
 */
export function explainMissing(missing: readonly string[]): string {
  const file = missing[0]!;
  const directory = path.dirname(file);
  const images = filesIn(directory).filter(isImageName);
  const there = !existsSync(directory)
    ? 'which does not exist'
    : images.length === 0
      ? 'which has no images'
      : `which has other images, such as ${printable(images.sort()[0]!, 60)}`;
  return (
    `They were looked for as ${printable(path.basename(file), 60)} in ${printable(directory)}, ${there}: ` +
    'name the folder with --images DIR (--val-images for validation images).'
  );
}
