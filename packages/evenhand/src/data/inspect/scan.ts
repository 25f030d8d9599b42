import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { decodeCrop, ImageError, type ImageHeader, probe, read } from '@evenhand/predict';
import { type Fingerprint, fingerprint } from './perceptual-hash.js';

/** What a scan learns of a readable image. */
export interface ImageFacts extends ImageHeader, Fingerprint {
  readonly file: string;
  /** Size of the file in bytes. */
  readonly bytes: number;
  /** Of the file's bytes, hexadecimal. */
  readonly sha256: string;
}

/** A file that is missing or is no readable image. */
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
 * Opens and decodes each file once, several at a time, and keeps about 400 bytes of each.
 * @param onProgress is told how many of the files are done
 */
export async function scanImages(
  files: Iterable<string>,
  onProgress?: (done: number, total: number) => void,
): Promise<Scan> {
  const distinct = [...new Set(files)];
  const results = new Array<ImageFacts | BadImage>(distinct.length);
  let next = 0;
  let done = 0;
  const lane = async (): Promise<void> => {
    while (next < distinct.length) {
      const i = next++;
      results[i] = await factsOf(distinct[i]!);
      onProgress?.(++done, distinct.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2 * availableParallelism(), 16) }, lane));
  const images = new Map<string, ImageFacts>();
  const bad: BadImage[] = [];
  for (const result of results) {
    if ('reason' in result) bad.push(result);
    else images.set(result.file, result);
  }
  return { images, bad };
}

async function factsOf(file: string): Promise<ImageFacts | BadImage> {
  try {
    const bytes = await read(file);
    const header = await probe(bytes, file);
    const whole = { left: 0, top: 0, width: header.width, height: header.height };
    // Decodes every byte, so that an image which is cut short is found, but brings little of it into JavaScript.
    const small = await decodeCrop(bytes, whole, 32, 32, 'bilinear', file);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { file, bytes: bytes.length, sha256, ...header, ...fingerprint(small) };
  } catch (error) {
    if (error instanceof ImageError) return { file, reason: error.reason };
    throw error;
  }
}
