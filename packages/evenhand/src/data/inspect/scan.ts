import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { decodeCrop, ImageError, type ImageHeader, probe, read } from '@evenhand/predict';
import { statRegular } from '../read/regular-file.js';
import { type Fingerprint, fingerprint } from './perceptual-hash.js';
import { ScanCache } from './scan-cache.js';

/** What a scan records of a readable image. */
export interface ImageFacts extends ImageHeader, Fingerprint {
  readonly file: string;
  /** File size in bytes. */
  readonly bytes: number;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
}

/** A file that is missing or is not a readable image. */
export interface BadImage {
  readonly file: string;
  readonly reason: string;
}

export interface Scan {
  /** By file. */
  readonly images: ReadonlyMap<string, ImageFacts>;
  /** In the order of the files. */
  readonly bad: readonly BadImage[];
}

/**
 * Opens and decodes each file once, several at a time, and keeps about 700 bytes per image.
 * @param onProgress called with the number of files that are done
 * @param cacheFolder where facts are kept for later scans, which open only new and changed files; none if undefined
 */
export async function scanImages(
  files: Iterable<string>,
  onProgress?: (done: number, total: number) => void,
  cacheFolder?: string,
): Promise<Scan> {
  const cache = cacheFolder === undefined ? undefined : new ScanCache(cacheFolder);
  const distinct = [...new Set(files)];
  const results = new Array<ImageFacts | BadImage>(distinct.length);
  let next = 0;
  let done = 0;
  const readFiles = async (): Promise<void> => {
    while (next < distinct.length) {
      const i = next++;
      results[i] = await factsOf(distinct[i]!, cache);
      onProgress?.(++done, distinct.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2 * availableParallelism(), 16) }, readFiles));
  await cache?.save();
  const images = new Map<string, ImageFacts>();
  const bad: BadImage[] = [];
  for (const result of results) {
    if ('reason' in result) bad.push(result);
    else images.set(result.file, result);
  }
  return { images, bad };
}

async function factsOf(file: string, cache: ScanCache | undefined): Promise<ImageFacts | BadImage> {
  const state = await statRegular(file);
  if (typeof state === 'string') return { file, reason: state };
  const known = await cache?.get(file, state);
  if (known !== undefined) return known;
  try {
    const bytes = await read(file);
    const header = await probe(bytes, file);
    const whole = { left: 0, top: 0, width: header.width, height: header.height };
    // Decodes the whole image, to find truncated ones, but brings only a small copy into JavaScript.
    const small = await decodeCrop(bytes, whole, 32, 32, 'bilinear', file);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const facts = { file, bytes: bytes.length, sha256, ...header, ...fingerprint(small) };
    if (BigInt(bytes.length) === state.size) await cache?.set(facts, state);
    return facts;
  } catch (error) {
    if (error instanceof ImageError) return { file, reason: error.reason };
    throw error;
  }
}
