import type { Box, Pixels } from './image.js';
import type { Interpolation } from './preset.js';

export interface ResampleOptions {
  /** The part of `data` to scale, in whole or fractional pixels; by default the whole image. */
  readonly source?: Box;
  /** The part of the result to compute, in whole pixels; by default all of it. */
  readonly window?: Box;
}

/** Fractional bits of the integer weights, as in Pillow; their sums fit into 32 bits. */
const PRECISION_BITS = 22;

const FILTERS: Record<Interpolation, { support: number; weight: (x: number) => number }> = {
  bilinear: { support: 1, weight: (x) => Math.max(1 - Math.abs(x), 0) },
  bicubic: { support: 2, weight: bicubic },
};

/**
 * Scales an image to width x height and returns the `window` of the result: [window.height, window.width, 3].
 *
 * Scaling down averages all pixels that a result pixel covers (antialiased). Pixels outside `source` are not used, as if
 * the image were cropped first and then scaled. With the same decoded pixels the result is bit-identical to Pillow's
 * `Image.crop(source).resize((width, height), ...).crop(window)`.
 * Source: Pillow's `src/libImaging/Resample.c`: separable, horizontal first, rounded to 8 bits between the passes.
 */
export function resample(
  image: Pixels,
  width: number,
  height: number,
  interpolation: Interpolation,
  options: ResampleOptions = {},
): Uint8Array<ArrayBuffer> {
  const source = options.source ??
    image.reducedFrom?.box ?? { left: 0, top: 0, width: image.width, height: image.height };
  const window = options.window ?? { left: 0, top: 0, width, height };
  const columns = taps(source.left, source.width, image.width, width, window.left, window.width, interpolation);
  const rows = taps(source.top, source.height, image.height, height, window.top, window.height, interpolation);
  const last = window.height - 1;
  const firstRow = rows.start[0]!;
  const rowCount = rows.start[last]! + rows.length[last]! - firstRow;
  const between = horizontalPass(image, firstRow, rowCount, columns, window.width);
  return verticalPass(between, firstRow, rows, window.width * 3, window.height);
}

/** For each result pixel along one axis: the first source pixel, the number of them, and their weights (`size` apart). */
interface Taps {
  readonly start: Int32Array;
  readonly length: Int32Array;
  readonly weights: Int32Array;
  readonly size: number;
}

function taps(
  from: number,
  extent: number,
  inSize: number,
  outSize: number,
  windowFrom: number,
  windowSize: number,
  interpolation: Interpolation,
): Taps {
  const { support: radius, weight } = FILTERS[interpolation];
  const scale = extent / outSize;
  const filterScale = Math.max(scale, 1);
  const support = radius * filterScale;
  const lowest = Math.max(Math.floor(from), 0);
  const highest = Math.min(Math.ceil(from + extent), inSize);
  const size = Math.ceil(support) * 2 + 1;
  const start = new Int32Array(windowSize);
  const length = new Int32Array(windowSize);
  const weights = new Int32Array(windowSize * size);
  const exact = new Float64Array(size);
  for (let i = 0; i < windowSize; i++) {
    const center = from + (windowFrom + i + 0.5) * scale;
    const first = Math.max(Math.trunc(center - support + 0.5), lowest);
    const n = Math.min(Math.trunc(center + support + 0.5), highest) - first;
    let sum = 0;
    for (let k = 0; k < n; k++) {
      exact[k] = weight((k + first - center + 0.5) / filterScale);
      sum += exact[k]!;
    }
    for (let k = 0; k < n; k++) {
      const scaled = (exact[k]! / sum) * (1 << PRECISION_BITS);
      weights[i * size + k] = Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
    start[i] = first;
    length[i] = n;
  }
  return { start, length, weights, size };
}

function horizontalPass(image: Pixels, firstRow: number, rowCount: number, columns: Taps, width: number): Uint8Array {
  const { data } = image;
  const { start, length, weights, size } = columns;
  const out = new Uint8Array(rowCount * width * 3);
  const half = 1 << (PRECISION_BITS - 1);
  let o = 0;
  for (let y = 0; y < rowCount; y++) {
    const row = (firstRow + y) * image.width * 3;
    for (let x = 0; x < width; x++) {
      let p = row + start[x]! * 3;
      let k = x * size;
      const end = k + length[x]!;
      let red = half;
      let green = half;
      let blue = half;
      for (; k < end; k++) {
        const weight = weights[k]!;
        red = (red + Math.imul(data[p]!, weight)) | 0;
        green = (green + Math.imul(data[p + 1]!, weight)) | 0;
        blue = (blue + Math.imul(data[p + 2]!, weight)) | 0;
        p += 3;
      }
      out[o] = clip(red >> PRECISION_BITS);
      out[o + 1] = clip(green >> PRECISION_BITS);
      out[o + 2] = clip(blue >> PRECISION_BITS);
      o += 3;
    }
  }
  return out;
}

function verticalPass(
  data: Uint8Array,
  firstRow: number,
  rows: Taps,
  stride: number,
  height: number,
): Uint8Array<ArrayBuffer> {
  const { start, length, weights, size } = rows;
  const out = new Uint8Array(height * stride);
  const half = 1 << (PRECISION_BITS - 1);
  for (let y = 0; y < height; y++) {
    const first = (start[y]! - firstRow) * stride;
    const from = y * size;
    const end = from + length[y]!;
    const row = y * stride;
    // Three values at a time share the weights and the loop: twice as fast as one at a time.
    for (let x = 0; x < stride; x += 3) {
      let p = first + x;
      let red = half;
      let green = half;
      let blue = half;
      for (let k = from; k < end; k++) {
        const weight = weights[k]!;
        red = (red + Math.imul(data[p]!, weight)) | 0;
        green = (green + Math.imul(data[p + 1]!, weight)) | 0;
        blue = (blue + Math.imul(data[p + 2]!, weight)) | 0;
        p += stride;
      }
      out[row + x] = clip(red >> PRECISION_BITS);
      out[row + x + 1] = clip(green >> PRECISION_BITS);
      out[row + x + 2] = clip(blue >> PRECISION_BITS);
    }
  }
  return out;
}

function clip(value: number): number {
  return Math.min(Math.max(value, 0), 255);
}

/** Keys' cubic kernel with a = -0.5, as in Pillow. */
function bicubic(x: number): number {
  const a = -0.5;
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  if (t < 2) return (((t - 5) * t + 8) * t - 4) * a;
  return 0;
}
