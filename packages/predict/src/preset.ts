import { describe, printable } from './describe.js';

const INTERPOLATIONS = ['bilinear', 'bicubic'] as const;

/** How an image is interpolated when it is resized, with the names of torchvision and PIL. */
export type Interpolation = (typeof INTERPOLATIONS)[number];

/**
 * How an image becomes a model's input. A preset belongs to the weights that were trained with it.
 *
 * The image's shorter side is scaled to `resize` pixels, the central `crop` x `crop` pixels are cut out, values are
 * scaled from [0, 255] to [0, 1], and each of red, green and blue becomes `(value - mean) / std`.
 * Source: torchvision `transforms/_presets.py`, `ImageClassification`.
 */
export interface Preset {
  readonly resize: number;
  readonly crop: number;
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
    if (!(FIELDS as readonly string[]).includes(name)) {
      throw new TypeError(`preset.${printable(name)}: unknown field; expected only ${FIELDS.join(', ')}.`);
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
  return { resize, crop, interpolation, mean, std };
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
