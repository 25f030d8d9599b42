// Random transforms of images on the CPU. An entry point of its own, for worker threads: importing it loads neither libtorch
// nor the rest of this package; the first call loads the addon.
import { native } from './native.js';

/** An 8-bit RGB image. */
export interface Image {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3] */
  readonly data: Uint8Array;
}

/**
 * A transform of pixels in [0, 255]. Each rounds to 8 bits as Pillow does:
 *
 * - `brightness`, `contrast`, `saturation`, `sharpness`: `ImageEnhance`; factor 1 is the image itself.
 * - `hue`: the shift is in turns from -0.5 to 0.5, in 8-bit HSV (torchvision's `adjust_hue`).
 * - `posterize`: keeps the most significant bits, 0 to 8.
 * - `solarize`: inverts values of `threshold` and above.
 * - `autoContrast`, `equalize`: each channel stretched to [0, 255], or its histogram equalized.
 * - `affine`: pixel (x, y) of the result is (a x + b y + c, d x + e y + f) of the source; nearest neighbour, black outside.
 * - `erase`: fills a rectangle of whole pixels with a colour.
 */
export type ImageOperation =
  | readonly [name: 'brightness' | 'contrast' | 'saturation' | 'sharpness', factor: number]
  | readonly [name: 'hue', shift: number]
  | readonly [name: 'posterize', bits: number]
  | readonly [name: 'solarize', threshold: number]
  | readonly [name: 'autoContrast' | 'equalize']
  | readonly [name: 'affine', a: number, b: number, c: number, d: number, e: number, f: number]
  | readonly [
      name: 'erase',
      left: number,
      top: number,
      width: number,
      height: number,
      red: number,
      green: number,
      blue: number,
    ];

export interface Augmentation {
  /** The part of the image to use, in pixels that may be fractional. */
  readonly box: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
  /** The box is resized to size x size pixels. */
  readonly size: number;
  readonly filter: 'bilinear' | 'bicubic';
  readonly flipHorizontally?: boolean;
  readonly flipVertically?: boolean;
  /** Applied after the flips, in this order. */
  readonly operations?: readonly ImageOperation[];
}

/** In the order of `Op` in `native/kernels/augment.h`. */
const OPERATIONS: readonly ImageOperation[0][] = [
  'brightness',
  'contrast',
  'saturation',
  'hue',
  'sharpness',
  'posterize',
  'solarize',
  'autoContrast',
  'equalize',
  'affine',
  'erase',
];

/** A number for the operation and its arguments, as in `native/kernels/augment.h`. */
const NUMBERS = 8;

/**
 * Resizes a box of an image, flips it and applies operations: [size, size, 3], written to `out` if it is given.
 *
 * The box is resized as if it had been cut out first, with antialiasing. Every value is that of torchvision's transforms of
 * PIL images, bit for bit, on every processor; for a box of whole pixels the resized one is that of `resized_crop`, for
 * another one that of Pillow's `Image.resize(..., box=...)` on the pixels that the box touches.
 *
 * @throws TorchError when lengths do not match, the box is not in the image, or an argument is out of range
 */
export function augmentImage(
  image: Image,
  augmentation: Augmentation,
  out: Uint8Array = new Uint8Array(augmentation.size * augmentation.size * 3),
): Uint8Array {
  const { box, size, filter, flipHorizontally = false, flipVertically = false, operations = [] } = augmentation;
  const numbers = new Float64Array(operations.length * NUMBERS);
  for (const [i, [name, ...values]] of operations.entries()) {
    numbers[i * NUMBERS] = OPERATIONS.indexOf(name);
    numbers.set(values, i * NUMBERS + 1);
  }
  native().augmentImage(
    image.data,
    image.width,
    image.height,
    box.left,
    box.top,
    box.width,
    box.height,
    size,
    filter,
    flipHorizontally,
    flipVertically,
    numbers,
    out,
  );
  return out;
}
