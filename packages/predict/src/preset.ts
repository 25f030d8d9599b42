import { describe, printable } from './describe.js';

const INTERPOLATIONS = ['bilinear', 'bicubic'] as const;

/** How an image is interpolated when it is resized, with the names of torchvision and PIL. */
export type Interpolation = (typeof INTERPOLATIONS)[number];

const CROP_MODES = ['squash', 'border'] as const;

/**
 * How an image that is not square becomes one, if not by a centre crop; the names are timm's. `squash`: both sides are
 * scaled to `resize`, whatever the aspect ratio. `border`: the longer side is scaled to `resize`, and what is missing of the
 * square has the colour `mean`.
 */
export type CropMode = (typeof CROP_MODES)[number];

/**
 * How an image becomes a model's input. A preset belongs to the weights that were trained with it.
 *
 * The image's shorter side is scaled to `resize` pixels (see `cropMode` for other ways), the central `crop` x `crop` pixels
 * are cut out, values are scaled from [0, 255] to [0, 1], and each of red, green and blue becomes `(value - mean) / std`.
 * Source: torchvision `transforms/_presets.py`, `ImageClassification`; timm `data/transforms_factory.py`,
 * `transforms_imagenet_eval`.
 */
export interface Preset {
  readonly resize: number;
  readonly crop: number;
  /** Absent for a centre crop. */
  readonly cropMode?: CropMode;
  readonly interpolation: Interpolation;
  readonly mean: readonly [red: number, green: number, blue: number];
  readonly std: readonly [red: number, green: number, blue: number];
}

/** Means and standard deviations of ImageNet's training images, in [0, 1], as in torchvision. */
export const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
export const IMAGENET_STD = [0.229, 0.224, 0.225] as const;

/** Larger images than this take more memory than a machine has. */
const MAX_SIZE = 10_000;

const FIELDS = ['resize', 'crop', 'interpolation', 'mean', 'std'] as const;
const ALL_FIELDS: readonly string[] = [...FIELDS, 'cropMode'];

/**
 * Checks a preset that was read from a file, such as a model's metadata, and returns a copy of its fields.
 *
 * @throws TypeError of one sentence with the field, what was expected and what was found
 */
export function validatePreset(value: unknown): Preset {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`preset: expected an object with ${FIELDS.join(', ')}, got ${describe(value)}.`);
  }
  const fields = value as Record<string, unknown>;
  for (const name of Object.keys(fields)) {
    if (!ALL_FIELDS.includes(name)) {
      throw new TypeError(`preset.${printable(name)}: unknown field; expected only ${ALL_FIELDS.join(', ')}.`);
    }
  }
  const resize = pixels(fields, 'resize');
  const crop = pixels(fields, 'crop');
  if (crop > resize) {
    throw new TypeError(`preset.crop: expected at most preset.resize (${resize}), got ${crop}.`);
  }
  const interpolation = INTERPOLATIONS.find((name) => name === fields.interpolation);
  if (interpolation === undefined) {
    throw new TypeError(`preset.interpolation: expected bilinear or bicubic, got ${describe(fields.interpolation)}.`);
  }
  const mean = channels(fields, 'mean');
  const std = channels(fields, 'std');
  if (std.some((deviation) => deviation <= 0)) {
    throw new TypeError(`preset.std: expected three numbers above 0, got ${describe(fields.std)}.`);
  }
  if (fields.cropMode === undefined) return { resize, crop, interpolation, mean, std };
  const cropMode = CROP_MODES.find((name) => name === fields.cropMode);
  if (cropMode === undefined) {
    const got = describe(fields.cropMode);
    throw new TypeError(`preset.cropMode: expected squash or border, or no field for a centre crop, got ${got}.`);
  }
  return { resize, crop, cropMode, interpolation, mean, std };
}

function pixels(fields: Record<string, unknown>, name: string): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_SIZE) return value;
  throw new TypeError(
    `preset.${name}: expected a whole number of pixels from 1 to ${MAX_SIZE}, got ${describe(value)}.`,
  );
}

function channels(fields: Record<string, unknown>, name: string): [number, number, number] {
  const value = fields[name];
  if (Array.isArray(value) && value.length === 3 && value.every((entry) => Number.isFinite(entry))) {
    const [red, green, blue] = value as [number, number, number];
    return [red, green, blue];
  }
  throw new TypeError(`preset.${name}: expected three finite numbers (red, green, blue), got ${describe(value)}.`);
}
