import { Random } from 'evenhand/random';
import sharp, { type OverlayOptions, type Sharp } from 'sharp';
import type { Canvas } from './drawing/canvas.js';
import { develop, developmentOf } from './drawing/develop.js';
import { composeScene } from './drawing/scene.js';
import type { Species } from './species.js';

export interface ImageOptions {
  /** Width and height in pixels [192]. */
  readonly size?: number;
  /** JPEG quality, 1 to 100 [88]. */
  readonly quality?: number;
}

/** Stream of random numbers, in addition to those of `species.ts`. */
const IMAGE = 100;

/**
 * Draws an image of a species and encodes it as JPEG: the same for the same species, index and options.
 *
 * @param index number of the image, from 0; there is no upper limit
 * @throws RangeError if the size is not a whole number from 32 to 2048
 */
export async function drawSpecies(species: Species, index: number, options: ImageOptions = {}): Promise<Uint8Array> {
  const { size = 192, quality = 88 } = options;
  if (!Number.isInteger(size) || size < 32 || size > 2048) {
    throw new RangeError(`size must be a whole number from 32 to 2048, got ${size}.`);
  }
  const { seed, world, genus } = species;
  const random = new Random(seed, world, IMAGE, genus, species.index, index);
  const scene = composeScene(random, species.traits, size);
  const development = developmentOf(random);
  const unfocused = (layer: Canvas): Sharp => sharp(layer.svg(size)).blur(sigmaOf(size / 150));
  const layers: OverlayOptions[] = [{ input: scene.focus.svg(size) }];
  if (scene.near !== undefined) {
    // As PNG, because sharp reads raw pixels with opacity differently than it writes them.
    layers.push({ input: await unfocused(scene.near).png({ compressionLevel: 0 }).toBuffer() });
  }
  const photo = await rawOf(unfocused(scene.back).composite(layers));
  const { data, info } = development.blur > 0 ? await blurred(photo, (development.blur * size) / 100) : photo;
  const developed = develop(data, size, info.channels, development);
  return sharp(developed, { raw: { width: size, height: size, channels: 3 } })
    .jpeg({ quality, chromaSubsampling: '4:2:0' })
    .toBuffer();
}

type Raw = Awaited<ReturnType<typeof rawOf>>;

const rawOf = (image: Sharp) => image.raw().toBuffer({ resolveWithObject: true });

function blurred({ data, info: { width, height, channels } }: Raw, sigma: number): Promise<Raw> {
  return rawOf(sharp(data, { raw: { width, height, channels } }).blur(sigmaOf(sigma)));
}

/** The smallest blur that libvips accepts is invisible. */
const sigmaOf = (sigma: number): number => Math.max(0.3, sigma);
