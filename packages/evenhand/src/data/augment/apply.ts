import {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  adjustSharpness,
  autoContrast,
  equalize,
  posterize,
  solarize,
} from './colour.js';
import { affine, erase, flipHorizontally, flipVertically, rotation } from './geometry.js';
import type { AugmentParams, JitterOp } from './params.js';
import type { PolicyOp } from './policy.js';

/**
 * Makes the pixels [size, size, 3] of an already cropped and resized image into the training sample that `params`
 * describes: flips, policy, colour jitter, rotation, erasing, in that order. May modify `pixels`; returns the result.
 *
 * @param mean the preset's mean colour in [0, 1], which fills erased rectangles: it is zero after normalisation
 */
export function applyAugment(
  pixels: Uint8Array,
  size: number,
  params: AugmentParams,
  mean: readonly [number, number, number],
): Uint8Array {
  if (params.horizontalFlip) flipHorizontally(pixels, size);
  if (params.verticalFlip) flipVertically(pixels, size);
  let out = pixels;
  for (const op of params.policy) out = applyPolicyOp(out, size, op);
  for (const [op, factor] of params.jitter) JITTER[op](out, factor);
  if (params.angle !== 0) out = affine(out, size, rotation(params.angle, size));
  if (params.erase !== undefined) {
    const [red, green, blue] = mean;
    erase(out, size, params.erase, [Math.round(red * 255), Math.round(green * 255), Math.round(blue * 255)]);
  }
  return out;
}

const JITTER: Record<JitterOp, (pixels: Uint8Array, factor: number) => void> = {
  brightness: adjustBrightness,
  contrast: adjustContrast,
  saturation: adjustSaturation,
  hue: adjustHue,
};

/** Applies one operation of RandAugment or TrivialAugment. Source: torchvision `autoaugment.py`, `_apply_op`. */
export function applyPolicyOp(pixels: Uint8Array, size: number, [name, magnitude]: PolicyOp): Uint8Array {
  switch (name) {
    case 'Identity':
      return pixels;
    case 'ShearX':
      return affine(pixels, size, [1, magnitude, 0, 0, 1, 0]);
    case 'ShearY':
      return affine(pixels, size, [1, 0, 0, magnitude, 1, 0]);
    case 'TranslateX':
      return affine(pixels, size, [1, 0, -Math.trunc(magnitude), 0, 1, 0]);
    case 'TranslateY':
      return affine(pixels, size, [1, 0, 0, 0, 1, -Math.trunc(magnitude)]);
    case 'Rotate':
      return affine(pixels, size, rotation(magnitude, size));
    case 'Brightness':
      adjustBrightness(pixels, 1 + magnitude);
      return pixels;
    case 'Color':
      adjustSaturation(pixels, 1 + magnitude);
      return pixels;
    case 'Contrast':
      adjustContrast(pixels, 1 + magnitude);
      return pixels;
    case 'Sharpness':
      adjustSharpness(pixels, size, 1 + magnitude);
      return pixels;
    case 'Posterize':
      posterize(pixels, magnitude);
      return pixels;
    case 'Solarize':
      solarize(pixels, magnitude);
      return pixels;
    case 'AutoContrast':
      autoContrast(pixels);
      return pixels;
    case 'Equalize':
      equalize(pixels);
      return pixels;
  }
}
