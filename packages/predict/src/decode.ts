import sharp, { type Metadata, type Sharp } from 'sharp';
import { firstLine } from './describe.js';
import { type Box, ImageError, type Pixels, type Size } from './image.js';
import type { Interpolation } from './preset.js';
import { FileError, readRegularFile } from './read-file.js';
import { reduction, shrinkOf } from './reduction.js';
import { resample } from './resample.js';
import { describeUnsupported } from './unsupported.js';

/** An image's path, or the bytes of its file. */
export type ImageSource = string | Uint8Array;

/** What an image's header says, without decoding it. */
export interface ImageHeader {
  readonly format: 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif';
  /** In pixels, with the EXIF orientation applied. */
  readonly width: number;
  readonly height: number;
  /** How colours are stored, e.g. `rgb`, `rgba`, `grey`, `cmyk`, `rgb 16-bit`. */
  readonly mode: string;
}

/** The largest image that is decoded: 200 million pixels, as the largest phone cameras make (600 MB decoded). */
export const MAX_PIXELS = 200_000_000;

/** The two bytes that end a JPEG. */
const END_OF_JPEG = [0xff, 0xd9] as const;

const NO_END_MARKER = 'the JPEG lacks its end marker (2 bytes), but all of its pixels are there';

/**
 * Reads an image's header.
 * @param name how messages call the image; by default its path
 * @throws ImageError if the file is missing, empty, not a regular file, of another format or larger than MAX_PIXELS
 */
export async function probe(source: ImageSource, name = nameOf(source)): Promise<ImageHeader> {
  return (await readHeader(await read(source, name), name)).header;
}

/**
 * Decodes a JPEG, PNG, WebP, GIF (first frame), TIFF or AVIF image to 8-bit RGB as an image viewer shows it: EXIF
 * orientation applied, embedded colour profile and CMYK converted to sRGB, 16 bits reduced to 8, grey repeated in three
 * channels. A JPEG that lacks only its end marker is decoded, with a `warning`.
 *
 * Transparent parts are composited on white. torchvision's `convert('RGB')` drops alpha instead and exposes the colours
 * hidden under transparent pixels, often black. Cut-outs on white are also what the pretraining data contains. For opaque
 * images, nearly all photos, both are the same.
 *
 * With `scaledTo`, a large JPEG is decoded at a half, a quarter or an eighth of its size, more than twice as fast, if at
 * least twice the width and height that it returns are left. Scaled to that size, the image is on average within 1/255 of
 * the exact one.
 *
 * @param name how messages call the image; by default its path
 * @param scaledTo the size to which the caller scales the image of the given size, for example by `preprocess`
 * @throws ImageError if it cannot be read, is damaged or cut short, or is larger than MAX_PIXELS
 */
export async function decode(
  source: ImageSource,
  name = nameOf(source),
  scaledTo?: (image: Size) => Size,
): Promise<Pixels> {
  const bytes = await read(source, name);
  const { header, orientation } = await readHeader(bytes, name);
  const reduced =
    scaledTo && header.format === 'jpeg' && mayReduce(bytes) && reduction(header, orientation, scaledTo(header));
  if (!reduced) return render(bytes, (image) => image, name);
  const { width, height, reducedFrom } = reduced;
  const pixels = await render(bytes, (image) => image.resize({ width, height, fit: 'fill', kernel: 'lanczos3' }), name);
  return { ...pixels, reducedFrom };
}

/**
 * Decodes the part `box` of an image (in whole pixels of its oriented size) scaled to width x height, for perceptual
 * hashes: the same as `decode` and `resample` within 1/255 on average, but faster and off the JavaScript thread.
 *
 * JPEG is not decoded at a reduced size: that would change the perceptual hashes of large images.
 *
 * @param name how messages call the image
 * @throws ImageError as `decode` does
 */
export async function decodeCrop(
  bytes: Uint8Array,
  box: Box,
  width: number,
  height: number,
  interpolation: Interpolation,
  name: string,
): Promise<Pixels> {
  if (box.width < width || box.height < height) {
    // libvips shifts an image by up to half a pixel when it enlarges it.
    const part = await render(bytes, (image) => image.extract(box), name);
    return { ...part, width, height, data: resample(part, width, height, interpolation) };
  }
  const kernel = KERNELS[interpolation];
  return render(bytes, (image) => image.extract(box).resize({ width, height, fit: 'fill', kernel }), name);
}

/**
 * Decodes an image and scales it to at most `side` x `side` pixels, each side by itself and never enlarged, off the
 * JavaScript thread. A large JPEG is decoded at a reduced size of at least twice that, without up to 7 pixels at an edge.
 *
 * @param name how messages call the image
 * @returns the scaled image, and the size in pixels of what it shows of the original
 * @throws ImageError as `decode` does
 */
export async function decodeScaled(
  bytes: Uint8Array,
  side: number,
  interpolation: Interpolation,
  name: string,
): Promise<Pixels & { readonly original: Size }> {
  const { header } = await readHeader(bytes, name);
  const reduce = header.format === 'jpeg' && mayReduce(bytes);
  const width = Math.min(header.width, side);
  const height = Math.min(header.height, side);
  const scale = (image: Sharp): Sharp =>
    image.resize({ width, height, fit: 'fill', kernel: KERNELS[interpolation], fastShrinkOnLoad: false });
  // After `extract`, sharp does not reduce.
  const whole = { left: 0, top: 0, width: header.width, height: header.height };
  const pixels = await render(bytes, (image) => scale(reduce ? image : image.extract(whole)), name);
  const shrink = reduce ? shrinkOf(header, pixels) : 1;
  const shown = (length: number): number => length - (length % shrink);
  return { ...pixels, original: { width: shown(header.width), height: shown(header.height) } };
}

const KERNELS = { bilinear: 'linear', bicubic: 'cubic' } as const;

/** Of a reduced JPEG the last rows may stay unread. One that is cut short must be decoded whole, which finds it. */
function mayReduce(bytes: Uint8Array): boolean {
  return completeJpeg(bytes) === undefined;
}

/** An image's bytes. @throws ImageError if the file is missing, empty, not a regular file or not readable */
export async function read(source: ImageSource, name = nameOf(source)): Promise<Uint8Array> {
  if (typeof source !== 'string') return source.length > 0 ? source : fail(name, 'the file is empty (0 bytes)');
  try {
    return await readRegularFile(source, 'an image');
  } catch (error) {
    if (error instanceof FileError) return fail(name, error.message);
    throw error;
  }
}

function nameOf(source: ImageSource): string {
  return typeof source === 'string' && source !== '' ? source : 'image';
}

/** Decodes the image after `transform`. */
async function render(bytes: Uint8Array, transform: (image: Sharp) => Sharp, name: string): Promise<Pixels> {
  const attempt = async (file: Uint8Array, failOn: 'error' | 'warning'): Promise<Pixels> => {
    // Orientation and alpha are handled first, so that `transform` sees a plain image.
    const image = sharp(file, { failOn, limitInputPixels: MAX_PIXELS }).autoOrient().flatten({ background: '#fff' });
    const { data, info } = await transform(image).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data };
  };
  try {
    return await attempt(bytes, 'error');
  } catch (error) {
    // Missing pixels are only a warning if the end marker is there, so that none is tolerated here.
    const completed = completeJpeg(bytes);
    const pixels = completed && (await attempt(completed, 'warning').catch(() => undefined));
    if (pixels) return { ...pixels, warning: NO_END_MARKER };
    return fail(name, describeDamage(error));
  }
}

/** The bytes of a JPEG with the end marker that it lacks; undefined if it has one or is not a JPEG. */
function completeJpeg(bytes: Uint8Array): Uint8Array | undefined {
  const [mark, end] = END_OF_JPEG;
  if (bytes[0] !== mark || bytes[1] !== 0xd8 || bytes.at(-1) === end) return undefined;
  return Buffer.concat([bytes, Uint8Array.from(bytes.at(-1) === mark ? [end] : END_OF_JPEG)]);
}

/** The header, and the EXIF orientation that it applies, 1 to 8. */
async function readHeader(bytes: Uint8Array, name: string): Promise<{ header: ImageHeader; orientation: number }> {
  const meta = await sharp(bytes, { failOn: 'error', limitInputPixels: false })
    .metadata()
    .catch((error: unknown) => fail(name, describeUnsupported(bytes) ?? describeFailure(error)));
  const format = formatOf(meta);
  if (format === undefined) return fail(name, describeUnsupported(bytes, meta.format) ?? describeFailure(meta.format));
  const { width, height } = meta.autoOrient;
  if (width * height > MAX_PIXELS) {
    const limit = `the limit is ${MAX_PIXELS / 1e6} million pixels`;
    fail(name, `${width} x ${height} pixels are too many; ${limit}, so scale it down first`);
  }
  return { header: { format, width, height, mode: modeOf(meta) }, orientation: meta.orientation ?? 1 };
}

function formatOf({ format, compression }: Metadata): ImageHeader['format'] | undefined {
  switch (format) {
    case 'jpeg':
    case 'png':
    case 'webp':
    case 'gif':
    case 'tiff':
      return format;
    case 'heif':
      return compression === 'av1' ? 'avif' : undefined;
    default:
      return undefined;
  }
}

function modeOf({ space, channels, depth, hasAlpha }: Metadata): string {
  const colours = space === 'cmyk' ? 'cmyk' : channels - Number(hasAlpha) === 1 ? 'grey' : 'rgb';
  const bits = depth === 'uchar' ? '' : depth === 'ushort' ? ' 16-bit' : ` ${depth}`;
  return `${colours}${hasAlpha ? 'a' : ''}${bits}`;
}

function describeFailure(error: unknown): string {
  const reason = firstLine(error);
  return reason.includes('unsupported image format')
    ? 'it is not a JPEG, PNG, WebP, GIF, TIFF or AVIF image, or it is cut short'
    : describeDamage(error);
}

function describeDamage(error: unknown): string {
  const damage = 'the image is damaged or cut short';
  const reason = firstLine(error);
  // sharp's words if there is no message: libvips has one place for those of all threads.
  return reason === 'Unknown error' ? damage : `${damage} (${reason})`;
}

function fail(name: string, reason: string): never {
  throw new ImageError(name, reason);
}
