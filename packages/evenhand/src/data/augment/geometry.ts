import type { Box } from '@evenhand/predict';

/** An inverse affine map: output pixel (x, y) is the source pixel at (a x + b y + c, d x + e y + f). */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/**
 * Applies an affine map to pixels [size, size, 3]: nearest neighbour, black outside the source.
 * Source: Pillow's `src/libImaging/Geometry.c`, `affine_fixed`, 16.16 fixed point included.
 */
export function affine(pixels: Uint8Array, size: number, map: Affine): Uint8Array<ArrayBuffer> {
  const [a, b, c, d, e, f] = map;
  const fixed = (value: number): number => Math.floor(value * 65536 + 0.5);
  const [a16, b16, d16, e16] = [fixed(a), fixed(b), fixed(d), fixed(e)];
  let rowX = fixed(c + a * 0.5 + b * 0.5);
  let rowY = fixed(f + d * 0.5 + e * 0.5);
  const out = new Uint8Array(pixels.length);
  for (let y = 0, o = 0; y < size; y++) {
    let x16 = rowX;
    let y16 = rowY;
    for (let x = 0; x < size; x++, o += 3) {
      const fromX = x16 >> 16;
      const fromY = y16 >> 16;
      if (fromX >= 0 && fromX < size && fromY >= 0 && fromY < size) {
        const i = (fromY * size + fromX) * 3;
        out[o] = pixels[i]!;
        out[o + 1] = pixels[i + 1]!;
        out[o + 2] = pixels[i + 2]!;
      }
      x16 += a16;
      y16 += d16;
    }
    rowX += b16;
    rowY += e16;
  }
  return out;
}

/** The map that rotates an image by `degrees` counter-clockwise around its centre (Pillow's `Image.rotate`). */
export function rotation(degrees: number, size: number): Affine {
  const radians = (-degrees * Math.PI) / 180;
  const cos = Math.cos(radians);
  const sin = Math.sin(radians);
  const middle = size / 2;
  return [cos, sin, middle - cos * middle - sin * middle, -sin, cos, middle + sin * middle - cos * middle];
}

/** Mirrors the pixels [size, size, 3] left to right, in place. */
export function flipHorizontally(pixels: Uint8Array, size: number): void {
  for (let y = 0; y < size; y++) {
    for (let i = y * size * 3, j = i + (size - 1) * 3; i < j; i += 3, j -= 3) {
      for (let channel = 0; channel < 3; channel++) {
        const value = pixels[i + channel]!;
        pixels[i + channel] = pixels[j + channel]!;
        pixels[j + channel] = value;
      }
    }
  }
}

/** Mirrors the pixels [size, size, 3] top to bottom, in place. */
export function flipVertically(pixels: Uint8Array, size: number): void {
  const stride = size * 3;
  for (let i = 0, j = (size - 1) * stride; i < j; i += stride, j -= stride) {
    const row = pixels.slice(i, i + stride);
    pixels.copyWithin(i, j, j + stride);
    pixels.set(row, j);
  }
}

/** Fills a rectangle of the pixels [size, size, 3] with one colour, in place. */
export function erase(pixels: Uint8Array, size: number, box: Box, colour: readonly [number, number, number]): void {
  for (let y = box.top; y < box.top + box.height; y++) {
    for (let x = box.left; x < box.left + box.width; x++) pixels.set(colour, (y * size + x) * 3);
  }
}
