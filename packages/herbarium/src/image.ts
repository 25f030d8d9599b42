import { Random } from 'evenhand/random';
import sharp, { type OverlayOptions, type Sharp } from 'sharp';
import type { Canvas } from './drawing/canvas.js';
import { develop, developmentOf } from './drawing/develop.js';
import { composeScene } from './drawing/scene.js';
import type { Species } from './species.js';

export interface ImageOptions {
  /** Width and height in pixels; default 192. */
  readonly size?: number;
  /** Of the JPEG, 1 to 100; default 88. */
  readonly quality?: number;
}

/** What random numbers are for, beside those of `species.ts`. */
const IMAGE = 100;

/**
 * Draws an image of a species as a JPEG: the same for the same species, index and options.
 * @param index which of the species' images, from 0; there are as many as one asks for
 * @throws RangeError when the size is not an integer from 32 to 2048
 */
export async function drawSpecies(species: Species, index: number, options: ImageOptions = {}): Promise<Buffer> {
  const { size = 192, quality = 88 } = options;
  if (!Number.isInteger(size) || size < 32 || size > 2048) {
    throw new RangeError(`Herbarium expects a size from 32 to 2048 pixels, not ${size}`);
  }
  const { seed, world, genus } = species;
  const random = new Random(seed, world, IMAGE, genus, species.index, index);
  const scene = composeScene(random, species.traits, size);
  const how = developmentOf(random);
  // What is out of focus is drawn small and enlarged, which costs less than blurring it and looks the same.
  const unfocused = (layer: Canvas, sharpness: number): Sharp => {
    const small = sharp(layer.svg(Math.max(8, Math.round((sharpness * size) / 192))));
    return small.resize(size, size, { kernel: 'cubic' }).blur(sigmaOf(size / 150));
  };
  const layers: OverlayOptions[] = [{ input: scene.focus.svg(size) }];
  if (scene.near !== undefined) {
    // As PNG: sharp takes raw pixels with opacity for something else than it gives.
    layers.push({ input: await unfocused(scene.near, scene.nearSharpness).png({ compressionLevel: 0 }).toBuffer() });
  }
  const taken = await rawOf(unfocused(scene.back, scene.backSharpness).composite(layers));
  const { data, info } = how.blur > 0 ? await blurred(taken, (how.blur * size) / 100) : taken;
  const developed = develop(data, size, info.channels, how);
  return sharp(developed, { raw: { width: size, height: size, channels: 3 } })
    .jpeg({ quality, chromaSubsampling: '4:2:0' })
    .toBuffer();
}

type Raw = Awaited<ReturnType<typeof rawOf>>;

const rawOf = (image: Sharp) => image.raw().toBuffer({ resolveWithObject: true });

function blurred({ data, info: { width, height, channels } }: Raw, sigma: number): Promise<Raw> {
  return rawOf(sharp(data, { raw: { width, height, channels } }).blur(sigmaOf(sigma)));
}

/** The least blur that libvips has is no blur to see. */
const sigmaOf = (sigma: number): number => Math.max(0.3, sigma);
