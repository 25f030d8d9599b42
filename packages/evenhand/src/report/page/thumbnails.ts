import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import sharp from 'sharp';
import { plural } from '../../format.js';
import { printable } from '../../printable.js';

export interface Thumbnails {
  /** One CSS rule per image. */
  readonly css: string;
  readonly shown: number;
  /** The number of images left out to keep the page small. */
  readonly leftOut: number;
  /** Files that are missing or cannot be read. */
  readonly unread: readonly string[];
}

interface WantedThumbnail {
  readonly id: number;
  /** Path relative to the data. */
  readonly file: string;
  /** By default what suits the number of images. */
  readonly detail?: Detail;
}

export interface Detail {
  /** Pixels of the longer side. */
  readonly size: number;
  /** WebP quality, from 1 to 100. */
  readonly quality: number;
  /** Keeps the aspect ratio instead of cropping to a square. */
  readonly whole?: boolean;
}

/** Images decoded at the same time. */
const BATCH = 8;

/**
 * Makes thumbnails of the first images until `budget` bytes are used. They are CSS rules, so that an image shown several
 * times is stored once.
 *
 * @param data the folder that the files' paths are relative to, or a CSV file in it
 */
export async function makeThumbnails(
  wanted: readonly WantedThumbnail[],
  data: string,
  budget: number,
): Promise<Thumbnails> {
  const defaultDetail = detailFor(wanted.length);
  const rules: string[] = [];
  const unread: string[] = [];
  let left = budget;
  let next = 0;
  while (next < wanted.length && left > 0) {
    const batch = wanted.slice(next, next + BATCH);
    const made = await Promise.all(batch.map(({ file, detail = defaultDetail }) => makeThumbnail(data, file, detail)));
    for (const [i, bytes] of made.entries()) {
      const { id, file } = batch[i]!;
      if (bytes === undefined) {
        unread.push(file);
        next++;
        continue;
      }
      const rule = `.t${id}{background-image:url(data:image/webp;base64,${Buffer.from(bytes).toString('base64')})}\n`;
      left -= rule.length;
      if (left <= 0) break;
      rules.push(rule);
      next++;
    }
  }
  return { css: rules.join(''), shown: rules.length, leftOut: wanted.length - next, unread };
}

/** A note on images that are missing or unreadable, if there are any. */
export function unreadNotes(unread: readonly string[]): string[] {
  if (unread.length === 0) return [];
  const are = unread.length === 1 ? 'is' : 'are';
  return [`${plural(unread.length, 'image')} ${are} missing or unreadable, such as ${printable(unread[0]!)}.`];
}

/** Less detail for many images, so that they fit. */
function detailFor(images: number): Detail {
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

/**
 * A thumbnail as WebP; undefined if there is no such image.
 *
 * @param data the folder that `file` is relative to, or a CSV file in it
 */
export async function makeThumbnail(
  data: string,
  file: string,
  { size, quality, whole = false }: Detail,
): Promise<Uint8Array | undefined> {
  for (const path of placesOf(data, file)) {
    try {
      return await sharp(path, { failOn: 'none' })
        .rotate()
        .resize(size, size, whole ? { fit: 'inside', withoutEnlargement: true } : { fit: 'cover' })
        .flatten({ background: '#ffffff' })
        .webp({ quality, effort: 4 })
        .toBuffer();
    } catch {
      // Try the next place; if there is none, the page shows a placeholder.
    }
  }
  return undefined;
}
