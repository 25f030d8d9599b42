import { type Pixels, resample } from '@evenhand/predict';

/** A small description of an image that survives scaling, recompression and small changes of colour. */
export interface Fingerprint {
  /**
   * 64 bits as two unsigned integers: which of the image's 64 lowest frequencies are above their median. Near-duplicates
   * differ in few bits, unrelated images in about 32.
   */
  readonly hash: readonly [number, number];
  /** [8, 8, 3]: the image scaled to 8 x 8 pixels. */
  readonly miniature: Uint8Array;
}

const SIDE = 32;
const LOW = 8;

/**
 * The fingerprint of an image.
 * Source of the hash: pHash (Zauner 2010): grey, 32 x 32, discrete cosine transform, 8 x 8 lowest frequencies.
 */
export function fingerprint(image: Pixels): Fingerprint {
  const small = resample(image, SIDE, SIDE, 'bilinear');
  const miniature = resample({ width: SIDE, height: SIDE, data: small }, LOW, LOW, 'bilinear');
  const grey = Float64Array.from({ length: SIDE * SIDE }, (_, i) => {
    return 0.299 * small[i * 3]! + 0.587 * small[i * 3 + 1]! + 0.114 * small[i * 3 + 2]!;
  });
  const frequencies = lowFrequencies(grey);
  const median = [...frequencies].sort((a, b) => a - b)[(LOW * LOW) / 2]!;
  const bits = Array.from(frequencies, (value) => (value > median ? 1 : 0));
  const word = (from: number): number => bits.slice(from, from + 32).reduce<number>((w, bit) => (w * 2 + bit) >>> 0, 0);
  return { hash: [word(0), word(32)], miniature };
}

/** COSINE[u * SIDE + x] = cos((2x + 1) (u + 1) pi / 2 SIDE). The mean (u = 0) is left out: it is only brightness. */
const COSINE = Float64Array.from({ length: LOW * SIDE }, (_, i) => {
  const [u, x] = [Math.floor(i / SIDE) + 1, i % SIDE];
  return Math.cos(((2 * x + 1) * u * Math.PI) / (2 * SIDE));
});

/** The 8 x 8 lowest frequencies of an image [32, 32], without the means of rows and columns. */
function lowFrequencies(grey: Float64Array): Float64Array {
  const rows = new Float64Array(SIDE * LOW);
  for (let y = 0; y < SIDE; y++) {
    for (let u = 0; u < LOW; u++) {
      let sum = 0;
      for (let x = 0; x < SIDE; x++) sum += grey[y * SIDE + x]! * COSINE[u * SIDE + x]!;
      rows[y * LOW + u] = sum;
    }
  }
  return Float64Array.from({ length: LOW * LOW }, (_, i) => {
    const [v, u] = [Math.floor(i / LOW), i % LOW];
    let sum = 0;
    for (let y = 0; y < SIDE; y++) sum += rows[y * LOW + u]! * COSINE[v * SIDE + y]!;
    return sum;
  });
}

/** The number of one bits in a 32-bit word. */
export function bitCount(word: number): number {
  let w = word - ((word >>> 1) & 0x55555555);
  w = (w & 0x33333333) + ((w >>> 2) & 0x33333333);
  return Math.imul((w + (w >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
