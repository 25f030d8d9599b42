import type { Pixels } from '@evenhand/predict';

/** A decoded image as it is cached: pixels [height, width, 3] and the size of the image that they are of. */
export interface ImageRecord extends Pixels {
  /** In pixels, with the EXIF orientation applied; up to 7 less of a large JPEG for training (see `decodeScaled`). */
  readonly originalWidth: number;
  readonly originalHeight: number;
}

export const HEADER_BYTES = 32;

/** `evenhrec` */
const MAGIC = [0x6e657665, 0x63657268] as const;

/**
 * What precedes the pixels in the file of a record: int32 [8], magic (2), width, height, original width and height, and the
 * checksum (2).
 *
 * @param identity kind and key of the record, which the checksum includes: a file under another name is not accepted
 */
export function headerOf(record: ImageRecord, identity: string): Int32Array {
  const { width, height, originalWidth, originalHeight, data } = record;
  const header = new Int32Array(HEADER_BYTES / 4);
  header.set([...MAGIC, width, height, originalWidth, originalHeight]);
  header.set(checksum(identity, header.subarray(2, 6), data), 6);
  return header;
}

/**
 * The record in a file's content; its pixels are a view of `bytes`. Undefined if it is cut short, damaged, or a record of
 * something else.
 *
 * @param bytes at a multiple of 4 bytes in its buffer
 */
export function parseRecord(bytes: Uint8Array, identity: string): ImageRecord | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const header = new Int32Array(bytes.buffer, bytes.byteOffset, HEADER_BYTES / 4);
  const [magic0, magic1, width, height, originalWidth, originalHeight, low, high] = header as unknown as number[];
  if (magic0 !== MAGIC[0] || magic1 !== MAGIC[1] || width! < 1 || height! < 1) return undefined;
  if (width! * height! * 3 !== bytes.length - HEADER_BYTES) return undefined;
  const data = bytes.subarray(HEADER_BYTES);
  const [expectedLow, expectedHigh] = checksum(identity, header.subarray(2, 6), data);
  if (low !== expectedLow || high !== expectedHigh) return undefined;
  return { width: width!, height: height!, originalWidth: originalWidth!, originalHeight: originalHeight!, data };
}

/**
 * 64 bits in two signed integers. Each of four lanes is a chain of invertible steps, so that a change of one word is always
 * found, and a larger one is missed once in 2^64. It takes a tenth of a millisecond for 440 kB.
 */
function checksum(identity: string, sizes: Int32Array, pixels: Uint8Array): [low: number, high: number] {
  let [a, b, c, d] = [0x3c6ef372, 0x1f83d9ab, 0x510e527f, 0x2b3e6c1f];
  for (let i = 0; i < identity.length; i++) a = step(a, identity.charCodeAt(i));
  for (const size of sizes) b = step(b, size);
  const words = wordsOf(pixels);
  const whole = words.length - (words.length % 4);
  for (let i = 0; i < whole; i += 4) {
    a = step(a, words[i]!);
    b = step(b, words[i + 1]!);
    c = step(c, words[i + 2]!);
    d = step(d, words[i + 3]!);
  }
  for (let i = whole; i < words.length; i++) c = step(c, words[i]!);
  for (let i = words.length * 4; i < pixels.length; i++) d = step(d, pixels[i]!);
  return [step(step(a, b), step(c, d)), step(step(d, c), step(b, a))];
}

function step(state: number, word: number): number {
  const mixed = Math.imul(state ^ word, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

/** The whole words of the bytes; the copy is only for bytes that are not aligned. */
function wordsOf(bytes: Uint8Array): Int32Array {
  const { buffer, byteOffset, length } = byteOffsetIsAligned(bytes) ? bytes : Uint8Array.from(bytes);
  return new Int32Array(buffer, byteOffset, length >> 2);
}

const byteOffsetIsAligned = ({ byteOffset }: Uint8Array): boolean => byteOffset % 4 === 0;
