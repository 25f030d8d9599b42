import type { Pixels } from './image.js';
import type { Preset } from './preset.js';
import { type Box, resample } from './resample.js';

/** The part of a preset that determines the pixels: everything but the normalisation. */
export type Geometry = Pick<Preset, 'resize' | 'crop' | 'interpolation'>;

/**
 * The image as a model sees it in evaluation: the shorter side scaled to `preset.resize`, the central square of
 * `preset.crop` pixels cut out, padded with black if the scaled image is smaller.
 *
 * @returns [crop, crop, 3], values in [0, 255]
 *
 * Bit-identical to torchvision's Resize and CenterCrop on a PIL image with the same decoded pixels.
 * Source: torchvision `transforms/functional.py`, `resize` and `center_crop`.
 */
export function preprocess(image: Pixels, preset: Geometry): Uint8Array<ArrayBuffer> {
  const { crop } = preset;
  const { width, height } = resizedSize(image, preset.resize);
  const { left, top } = centerCropOffset(width, height, crop);
  const window: Box = {
    left: Math.max(left, 0),
    top: Math.max(top, 0),
    width: Math.min(crop, width),
    height: Math.min(crop, height),
  };
  const pixels = resample(image, width, height, preset.interpolation, { window });
  if (window.width === crop && window.height === crop) return pixels;
  const out = new Uint8Array(crop * crop * 3);
  for (let y = 0; y < window.height; y++) {
    const row = pixels.subarray(y * window.width * 3, (y + 1) * window.width * 3);
    out.set(row, ((y + Math.max(-top, 0)) * crop + Math.max(-left, 0)) * 3);
  }
  return out;
}

/** Width and height in pixels after the shorter side is scaled to `shortSide`; the longer side is rounded down. */
export function resizedSize(
  image: { readonly width: number; readonly height: number },
  shortSide: number,
): { width: number; height: number } {
  const { width, height } = image;
  return width <= height
    ? { width: shortSide, height: Math.trunc((shortSide * height) / width) }
    : { width: Math.trunc((shortSide * width) / height), height: shortSide };
}

/** The corner of the central square; negative if the image is smaller than the square and gets padding. */
function centerCropOffset(width: number, height: number, crop: number): { left: number; top: number } {
  const offset = (size: number): number =>
    size < crop ? -Math.trunc((crop - size) / 2) : roundHalfToEven((size - crop) / 2);
  return { left: offset(width), top: offset(height) };
}

/** Python's `round`: 58.5 becomes 58, while Math.round gives 59 and would shift the crop by a pixel. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}
