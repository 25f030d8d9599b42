import type { Box, Pixels, Preset } from '@evenhand/predict';
import { augmentImage, type ImageOperation } from '@evenhand/torch/image';
import type { AugmentParams } from './params.js';
import type { PolicyOp } from './policy.js';

/**
 * Makes an image into the training sample [size, size, 3] that `params` describes: crop, flips, policy, colour jitter,
 * rotation, erasing, in that order. Writes it to `out` if that is given.
 *
 * @param image the whole image, at its own or at another size
 * @param crop `params.crop` in the pixels of `image`, which may be fractional
 * @param preset `mean`, the mean colour in [0, 1], fills erased rectangles: it is zero after normalisation
 */
export function applyAugment(
  image: Pixels,
  crop: Box,
  size: number,
  params: AugmentParams,
  preset: Pick<Preset, 'interpolation' | 'mean'>,
  out?: Uint8Array,
): Uint8Array {
  const operations = params.policy.flatMap((op) => policyOperation(op, size));
  operations.push(...params.jitter);
  if (params.angle !== 0) operations.push(rotation(params.angle, size));
  if (params.erase !== undefined) {
    const { left, top, width, height } = params.erase;
    const [red, green, blue] = preset.mean.map((value) => Math.round(value * 255)) as [number, number, number];
    operations.push(['erase', left, top, width, height, red, green, blue]);
  }
  const { horizontalFlip: flipHorizontally, verticalFlip: flipVertically } = params;
  const filter = preset.interpolation;
  return augmentImage(image, { box: crop, size, filter, flipHorizontally, flipVertically, operations }, out);
}

/** An operation of RandAugment or TrivialAugment; none for Identity. Source: torchvision `autoaugment.py`, `_apply_op`. */
function policyOperation([name, magnitude]: PolicyOp, size: number): ImageOperation[] {
  switch (name) {
    case 'Identity':
      return [];
    case 'ShearX':
      return [['affine', 1, magnitude, 0, 0, 1, 0]];
    case 'ShearY':
      return [['affine', 1, 0, 0, magnitude, 1, 0]];
    case 'TranslateX':
      return [['affine', 1, 0, -Math.trunc(magnitude), 0, 1, 0]];
    case 'TranslateY':
      return [['affine', 1, 0, 0, 0, 1, -Math.trunc(magnitude)]];
    case 'Rotate':
      return [rotation(magnitude, size)];
    case 'Brightness':
      return [['brightness', 1 + magnitude]];
    case 'Color':
      return [['saturation', 1 + magnitude]];
    case 'Contrast':
      return [['contrast', 1 + magnitude]];
    case 'Sharpness':
      return [['sharpness', 1 + magnitude]];
    case 'Posterize':
      return [['posterize', magnitude]];
    case 'Solarize':
      return [['solarize', magnitude]];
    case 'AutoContrast':
      return [['autoContrast']];
    case 'Equalize':
      return [['equalize']];
  }
}

/** A rotation by `degrees` counter-clockwise around the centre (Pillow's `Image.rotate`). */
function rotation(degrees: number, size: number): ImageOperation {
  const radians = (-degrees * Math.PI) / 180;
  const cos = Math.cos(radians);
  const sin = Math.sin(radians);
  const middle = size / 2;
  return ['affine', cos, sin, middle - cos * middle - sin * middle, -sin, cos, middle + sin * middle - cos * middle];
}
