import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import sharp from 'sharp';
import { plural } from './markup.js';

export interface Thumbnails {
  /** A rule of CSS an image. */
  readonly css: string;
  readonly shown: number;
  /** Not shown, to keep the page small. */
  readonly leftOut: number;
  /** Missing or unreadable. */
  readonly unread: readonly string[];
}

interface Wanted {
  readonly id: number;
  /** Relative to the data. */
  readonly file: string;
  /** In place of what suits the number of images. */
  readonly detail?: Detail;
}

export interface Detail {
  /** Pixels of the longer side. */
  readonly size: number;
  /** Of WebP, from 1 to 100. */
  readonly quality: number;
  /** Not cut to a square. */
  readonly whole?: boolean;
}

const AT_ONCE = 8;

/**
 * Thumbnails of images, the first of them as far as `budget` bytes go. They are rules of CSS, so that an image may
 * stand in several places of a page and is in it once.
 *
 * @param data the folder that the files' paths are relative to, or a CSV file in it
 */
export async function thumbnails(wanted: readonly Wanted[], data: string, budget: number): Promise<Thumbnails> {
  const usual = sizeFor(wanted.length);
  const rules: string[] = [];
  const unread: string[] = [];
  let left = budget;
  let next = 0;
  while (next < wanted.length && left > 0) {
    const batch = wanted.slice(next, next + AT_ONCE);
    const made = await Promise.all(batch.map(({ file, detail = usual }) => thumbnail(data, file, detail)));
    for (const [i, bytes] of made.entries()) {
      const { id, file } = batch[i]!;
      if (bytes === undefined) {
        unread.push(file);
        next++;
        continue;
      }
      const rule = `.t${id}{background-image:url(data:image/webp;base64,${bytes.toString('base64')})}\n`;
      left -= rule.length;
      if (left <= 0) break;
      rules.push(rule);
      next++;
    }
  }
  return { css: rules.join(''), shown: rules.length, leftOut: wanted.length - next, unread };
}

/** What to say of images that are missing or unreadable. */
export function unreadNotes(unread: readonly string[]): string[] {
  if (unread.length === 0) return [];
  const are = unread.length === 1 ? 'is' : 'are';
  return [`${plural(unread.length, 'image')} ${are} missing or unreadable, such as ${unread[0]}.`];
}

/** As much detail as lets many images fit too. */
function sizeFor(images: number): Detail {
  if (images <= 300) return { size: 176, quality: 62 };
  return images <= 700 ? { size: 128, quality: 58 } : { size: 96, quality: 55 };
}

/**
 * Where an image of a run may be: relative to the folder of the data, and, because runs of version 0.1 on a CSV file
 * named images relative to that file, relative to the data itself.
 */
function placesOf(data: string, file: string): Set<string> {
  const folder = statSync(data, { throwIfNoEntry: false })?.isFile() ? dirname(data) : data;
  return new Set([resolve(folder, file), resolve(data, file), resolve(folder, file.replace(/^\.\.[\\/]/, ''))]);
}

/** Undefined if there is no such image. */
async function thumbnail(
  data: string,
  file: string,
  { size, quality, whole = false }: Detail,
): Promise<Buffer | undefined> {
  for (const path of placesOf(data, file)) {
    try {
      return await sharp(path, { failOn: 'none' })
        .rotate()
        .resize(size, size, whole ? { fit: 'inside', withoutEnlargement: true } : { fit: 'cover' })
        .flatten({ background: '#ffffff' })
        .webp({ quality, effort: 4 })
        .toBuffer();
    } catch {
      // The next place, or a placeholder.
    }
  }
  return undefined;
}
