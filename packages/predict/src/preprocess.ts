import type { Box, Pixels, Size } from './image.js';
import type { Preset } from './preset.js';
import { resample } from './resample.js';

/** The part of a preset that determines the pixels: everything but the normalisation. `mean` is the colour of a border. */
export type Geometry = Pick<Preset, 'resize' | 'crop' | 'cropMode' | 'interpolation' | 'mean'>;

/**
 * The image as a model sees it in evaluation: scaled to `preset.resize` (see `CropMode`), the central square of
 * `preset.crop` pixels cut out, padded if the scaled image is smaller: with the mean colour if the crop mode is `border`,
 * otherwise with black.
 *
 * @returns [crop, crop, 3], values in [0, 255]
 *
 * Bit-identical to torchvision's Resize and CenterCrop, or timm's ResizeKeepRatio and CenterCropOrPad, on a PIL image with
 * the same decoded pixels.
 * Source: torchvision `transforms/functional.py`, `resize` and `center_crop`; timm `data/transforms.py`.
 */
export function preprocess(image: Pixels, preset: Geometry): Uint8Array<ArrayBuffer> {
  const { crop } = preset;
  const { width, height } = scaledSize(image.reducedFrom ?? image, preset);
  const { left, top } = centerCropOffset(width, height, crop);
  const window: Box = {
    left: Math.max(left, 0),
    top: Math.max(top, 0),
    width: Math.min(crop, width),
    height: Math.min(crop, height),
  };
  const pixels = resample(image, width, height, preset.interpolation, { window });
  if (window.width === crop && window.height === crop) return pixels;
  const out = preset.cropMode === 'border' ? filled(crop, preset.mean) : new Uint8Array(crop * crop * 3);
  for (let y = 0; y < window.height; y++) {
    const row = pixels.subarray(y * window.width * 3, (y + 1) * window.width * 3);
    out.set(row, ((y + Math.max(-top, 0)) * crop + Math.max(-left, 0)) * 3);
  }
  return out;
}

/** A square of one colour, given in [0, 1]. */
function filled(size: number, colour: Preset['mean']): Uint8Array<ArrayBuffer> {
  const values = colour.map((value) => roundHalfToEven(255 * value));
  return Uint8Array.from({ length: size * size * 3 }, (_, i) => values[i % 3]!);
}

/** Width and height in pixels of the scaled image before it is cropped. */
export function scaledSize(image: Size, { resize, cropMode }: Geometry): Size {
  if (cropMode === 'squash') return { width: resize, height: resize };
  if (cropMode === undefined) return resizedSize(image, resize);
  // Divided and rounded as in timm. Unlike there, a side of an extremely long image keeps one pixel.
  const ratio = Math.max(image.height / resize, image.width / resize);
  const scaled = (side: number): number => Math.max(roundHalfToEven(side / ratio), 1);
  return { width: scaled(image.width), height: scaled(image.height) };
}

/** Width and height in pixels after the shorter side is scaled to `shortSide`; the longer side is rounded down. */
export function resizedSize(image: Size, shortSide: number): Size {
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
