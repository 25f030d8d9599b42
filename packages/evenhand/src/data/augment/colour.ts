/**
 * Colour operations, in place on RGB pixels [N, 3] in [0, 255]. Each rounds to 8 bits as Pillow does, because torchvision
 * applies them to PIL images. Sources: Pillow's `ImageEnhance`, `ImageOps` and `src/libImaging`.
 */

/** Scales brightness: factor 0 gives black, 1 the image itself. */
export function adjustBrightness(pixels: Uint8Array, factor: number): void {
  lookUp(
    pixels,
    table((value) => blend(0, value, factor)),
  );
}

/** Scales contrast around the image's mean grey: factor 0 gives that grey, 1 the image itself. */
export function adjustContrast(pixels: Uint8Array, factor: number): void {
  let sum = 0;
  for (let i = 0; i < pixels.length; i += 3) sum += grey(pixels[i]!, pixels[i + 1]!, pixels[i + 2]!);
  const mean = Math.floor(sum / (pixels.length / 3) + 0.5);
  lookUp(
    pixels,
    table((value) => blend(mean, value, factor)),
  );
}

/** Scales saturation: factor 0 gives greyscale, 1 the image itself. */
export function adjustSaturation(pixels: Uint8Array, factor: number): void {
  // A table of the product in `blend` for each difference from -255 to 255, since an image has many more pixels.
  const scaled = Float32Array.from({ length: 511 }, (_, i) => Math.fround(factor) * (i - 255));
  for (let i = 0; i < pixels.length; i += 3) {
    const red = pixels[i]!;
    const green = pixels[i + 1]!;
    const blue = pixels[i + 2]!;
    const level = grey(red, green, blue);
    pixels[i] = clip(Math.fround(level + scaled[red - level + 255]!) | 0);
    pixels[i + 1] = clip(Math.fround(level + scaled[green - level + 255]!) | 0);
    pixels[i + 2] = clip(Math.fround(level + scaled[blue - level + 255]!) | 0);
  }
}

/** Rotates the hue by `shift` in [-0.5, 0.5] turns, in 8-bit HSV; in single precision wherever Pillow's C code is. */
export function adjustHue(pixels: Uint8Array, shift: number): void {
  const turn = Math.trunc(shift * 255) & 255;
  const levels = new Uint8Array(4);
  for (let i = 0; i < pixels.length; i += 3) {
    const red = pixels[i]!;
    const green = pixels[i + 1]!;
    const blue = pixels[i + 2]!;
    const max = Math.max(red, green, blue);
    const range = max - Math.min(red, green, blue);
    if (range === 0) continue;
    let sixth: number;
    if (red === max) sixth = Math.fround((max - blue) / range) - Math.fround((max - green) / range);
    else if (green === max) sixth = 2 + Math.fround((max - red) / range) - Math.fround((max - blue) / range);
    else sixth = 4 + Math.fround((max - green) / range) - Math.fround((max - red) / range);
    const turned = Math.fround(sixth) / 6 + 1;
    const hue = (((Math.fround(turned >= 1 ? turned - 1 : turned) * 255) | 0) + turn) & 255;
    const saturation = UNIT[(Math.fround(range / max) * 255) | 0]!;
    const fraction = FRACTION[hue]!;
    levels[0] = max;
    levels[1] = (max * (1 - saturation) + 0.5) | 0;
    levels[2] = (max * (1 - saturation * fraction) + 0.5) | 0;
    levels[3] = (max * (1 - saturation * (1 - fraction)) + 0.5) | 0;
    const sextant = SEXTANT[hue]! * 3;
    pixels[i] = levels[LEVEL[sextant]!]!;
    pixels[i + 1] = levels[LEVEL[sextant + 1]!]!;
    pixels[i + 2] = levels[LEVEL[sextant + 2]!]!;
  }
}

/** For each sixth of the colour circle, the levels of red, green and blue: 0 highest, 1 lowest, 2 falling, 3 rising. */
const LEVEL = Uint8Array.of(0, 3, 1, 2, 0, 1, 1, 0, 3, 1, 2, 0, 3, 1, 0, 0, 1, 2);
/** Each 8-bit value divided by 255. */
const UNIT = Float32Array.from({ length: 256 }, (_, value) => value / 255);
/** For each 8-bit hue: the sixth of the colour circle that it is in, and the position within that sixth. */
const SEXTANT = Uint8Array.from({ length: 256 }, (_, hue) => Math.floor((hue * 6) / 255) % 6);
const FRACTION = Float32Array.from({ length: 256 }, (_, hue) => (hue * 6) / 255 - Math.floor((hue * 6) / 255));

/** Sharpens (factor above 1) or smooths (below 1) pixels [height, width, 3]: factor 0 is a 3 x 3 smoothing filter. */
export function adjustSharpness(pixels: Uint8Array, width: number, factor: number): void {
  const source = pixels.slice();
  const stride = width * 3;
  const height = pixels.length / stride;
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * stride + 3; i < (y + 1) * stride - 3; i++) {
      let sum = source[i]! * 4;
      for (let row = i - stride; row <= i + stride; row += stride) {
        sum += source[row - 3]! + source[row]! + source[row + 3]!;
      }
      pixels[i] = blend(Math.floor(sum / 13 + 0.5), source[i]!, factor);
    }
  }
}

/** Keeps the `bits` most significant bits of each value. */
export function posterize(pixels: Uint8Array, bits: number): void {
  const mask = 256 - 2 ** (8 - bits);
  lookUp(
    pixels,
    table((value) => value & mask),
  );
}

/** Inverts values of `threshold` and above. */
export function solarize(pixels: Uint8Array, threshold: number): void {
  lookUp(
    pixels,
    table((value) => (value < threshold ? value : 255 - value)),
  );
}

/** Stretches each channel to the range [0, 255]. */
export function autoContrast(pixels: Uint8Array): void {
  for (let channel = 0; channel < 3; channel++) {
    const counts = histogram(pixels, channel);
    const lowest = counts.findIndex((count) => count > 0);
    const highest = counts.findLastIndex((count) => count > 0);
    if (highest <= lowest) continue;
    const scale = 255 / (highest - lowest);
    const offset = -lowest * scale;
    lookUp(
      pixels,
      table((value) => clip(Math.trunc(value * scale + offset))),
      channel,
    );
  }
}

/** Equalizes the histogram of each channel. */
export function equalize(pixels: Uint8Array): void {
  for (let channel = 0; channel < 3; channel++) {
    const counts = histogram(pixels, channel);
    const last = counts.findLast((count) => count > 0) ?? 0;
    const step = Math.floor((pixels.length / 3 - last) / 255);
    if (step === 0) continue;
    let below = step >> 1;
    const levels = table((value) => {
      const level = clip(Math.floor(below / step));
      below += counts[value]!;
      return level;
    });
    lookUp(pixels, levels, channel);
  }
}

function histogram(pixels: Uint8Array, channel: number): Uint32Array {
  const counts = new Uint32Array(256);
  for (let i = channel; i < pixels.length; i += 3) counts[pixels[i]!]!++;
  return counts;
}

function table(map: (value: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, value) => map(value));
}

/** Maps each value through a table [256]; only those of `channel` if it is given. */
function lookUp(pixels: Uint8Array, values: Uint8Array, channel?: number): void {
  const step = channel === undefined ? 1 : 3;
  for (let i = channel ?? 0; i < pixels.length; i += step) pixels[i] = values[pixels[i]!]!;
}

/** Interpolates from `from` (factor 0) to `to` (factor 1) in single precision, truncated to 8 bits (`Blend.c`). */
function blend(from: number, to: number, factor: number): number {
  return clip(Math.fround(from + Math.fround(Math.fround(factor) * (to - from))) | 0);
}

/** Brightness in [0, 255] by ITU-R 601-2 in 16-bit fixed point (`Convert.c`). */
function grey(red: number, green: number, blue: number): number {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

function clip(value: number): number {
  return Math.min(Math.max(value, 0), 255);
}
