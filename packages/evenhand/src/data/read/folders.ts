import { type Dirent, realpathSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { plural } from '../../format.js';
import { printable } from '../../printable.js';
import { DataError } from '../errors.js';

/** Image files that are looked for in folders. Some cannot be read; they are reported instead of skipped. */
const IMAGE = /\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|avif|bmp|heic|heif)$/i;

export const isImageName = (name: string): boolean => IMAGE.test(name);

/** Folders and files that systems and programs leave behind. Names with a leading dot are skipped anyway. */
const LITTER = new Set([
  '@eadir',
  '#recycle',
  '$recycle.bin',
  '__macosx',
  '__pycache__',
  'lost+found',
  'system volume information',
  'desktop.ini',
  'thumbs.db',
  'icon\r',
]);

const isHidden = (name: string): boolean => name.startsWith('.') || LITTER.has(name.toLowerCase());

export async function kindOf(place: string): Promise<'file' | 'folder' | undefined> {
  const stats = await stat(place).catch(() => undefined);
  return stats?.isFile() ? 'file' : stats?.isDirectory() ? 'folder' : undefined;
}

/** Walks through folders and reads each of them once, even if links form loops. Counts the files that are not images. */
export class FolderWalk {
  readonly #visited = new Set<string>();
  readonly #root: string;
  readonly #skipped = new Map<string, number>();
  #links = 0;
  #loose = 0;

  /** @param root an existing folder; links to the folders that contain it are not followed */
  constructor(root: string) {
    this.#root = realpathSync(root);
    this.#visited.add(this.#root);
  }

  /** Names of the folders in a folder, sorted; hidden ones, litter and links to folders already read are left out. */
  async subfolders(folder: string): Promise<string[]> {
    const folders: { name: string; isLink: boolean }[] = [];
    for (const entry of await list(folder)) {
      if (isHidden(entry.name) || entry.isFile()) continue;
      const isFolder = entry.isDirectory() || (await kindOf(path.join(folder, entry.name))) === 'folder';
      if (isFolder) folders.push({ name: entry.name, isLink: !entry.isDirectory() });
    }
    // A folder is visited under its own name before it is visited by a link.
    const sorted = folders.sort((a, b) => Number(a.isLink) - Number(b.isLink));
    return sorted.filter(({ name, isLink }) => this.#enter(path.join(folder, name), isLink)).map(({ name }) => name).sort(); // biome-ignore format: one line
  }

  /** Counts the images that lie in a folder of class folders, where they have no class. */
  async countLooseImages(folder: string): Promise<void> {
    for (const entry of await list(folder)) {
      if (!isHidden(entry.name) && !entry.isDirectory() && isImageName(entry.name)) this.#loose++;
    }
  }

  /** Paths of the images in a folder that `subfolders` gave, and in the folders inside it, sorted. */
  async images(folder: string): Promise<string[]> {
    const names: string[] = [];
    const waiting = [''];
    for (let inside = waiting.pop(); inside !== undefined; inside = waiting.pop()) {
      const directory = path.join(folder, inside);
      for (const entry of await list(directory)) {
        if (isHidden(entry.name) || entry.isDirectory()) continue;
        const kind = entry.isSymbolicLink() ? await kindOf(path.join(directory, entry.name)) : 'file';
        if (kind === 'folder') continue;
        // A link that leads nowhere and a pipe are images if they are called so: the scan reports them.
        if (isImageName(entry.name)) names.push(path.join(inside, entry.name));
        else this.#count(entry.name);
      }
      for (const name of await this.subfolders(directory)) waiting.push(path.join(inside, name));
    }
    return names.sort().map((name) => path.join(folder, name));
  }

  /** What was skipped, as sentences for the user. */
  notes(): string[] {
    const notes: string[] = [];
    const kinds = [...this.#skipped].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
    if (kinds.length > 0) {
      const total = kinds.reduce((sum, [, count]) => sum + count, 0);
      const shown = kinds.slice(0, 6).map(([kind, count]) => `${count.toLocaleString('en')} ${kind}`);
      if (kinds.length > 6) shown.push('...');
      notes.push(`Skipped ${plural(total, 'file')} that evenhand does not read as images: ${shown.join(', ')}.`);
    }
    if (this.#loose > 0) {
      notes.push(`Skipped ${plural(this.#loose, 'image')} outside the class folders.`);
    }
    if (this.#links > 0) {
      notes.push(`Skipped ${plural(this.#links, 'link')} to folders that were read already or contain the data.`);
    }
    return notes;
  }

  /** Whether a folder is read for the first time. */
  #enter(folder: string, isLink: boolean): boolean {
    const real = realpathSync(folder);
    const isAround = this.#root.startsWith(real.endsWith(path.sep) ? real : `${real}${path.sep}`);
    if (isAround || this.#visited.has(real)) {
      if (isLink) this.#links++;
      return false;
    }
    this.#visited.add(real);
    return true;
  }

  #count(name: string): void {
    const extension = path.extname(name).toLowerCase();
    const kind = extension === '' ? 'without an extension' : printable(extension, 20);
    this.#skipped.set(kind, (this.#skipped.get(kind) ?? 0) + 1);
  }
}

async function list(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new DataError(`${folder} cannot be read: ${code === 'EACCES' ? 'it is not permitted' : message}.`);
  }
}

/** Paths of the images in a folder and the folders in it, sorted; hidden ones and litter are left out. */
export async function imagesIn(folder: string): Promise<string[]> {
  return new FolderWalk(folder).images(folder);
}
