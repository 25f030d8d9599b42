import { readFile } from 'node:fs/promises';
import sharp, { type Metadata, type Sharp } from 'sharp';
import { ImageError, type Pixels } from './image.js';
import type { Interpolation } from './preset.js';
import { type Box, resample } from './resample.js';

/** An image's path, or the bytes of its file. */
export type ImageSource = string | Uint8Array;

/** What an image's header says, without decoding it. */
export interface ImageHeader {
  readonly format: 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif';
  /** In pixels, as a person sees it: EXIF orientation applied. */
  readonly width: number;
  readonly height: number;
  /** How colours are stored, e.g. `rgb`, `rgba`, `grey`, `cmyk`, `rgb 16-bit`. */
  readonly mode: string;
}

/** The most pixels of an image that are decoded: 200 million, what the largest phone cameras make (600 MB decoded). */
export const MAX_PIXELS = 200_000_000;

const FORMATS = 'JPEG, PNG, WebP, GIF, TIFF or AVIF';

/**
 * Reads an image's header.
 * @param name how messages call the image; its path where absent
 * @throws ImageError when the file is missing, empty, of another kind or larger than MAX_PIXELS
 */
export async function probe(source: ImageSource, name = nameOf(source)): Promise<ImageHeader> {
  return header(await read(source, name), name);
}

/**
 * Decodes a JPEG, PNG, WebP, GIF (first frame), TIFF or AVIF image into 8-bit RGB, as a person sees it: EXIF
 * orientation applied, an embedded colour profile and CMYK brought to sRGB, 16 bits to 8, grey to three equal channels.
 *
 * Transparent parts are laid over white. torchvision's `convert('RGB')` drops alpha instead, which shows the colours
 * hidden under transparent pixels (often black, or rubbish that no viewer shows); cut-outs on white are also what the
 * photos of the pretraining data look like. For opaque images, nearly all photos, the two are the same.
 *
 * @param name how messages call the image; its path where absent
 * @throws ImageError when it cannot be read, is damaged or cut short, or is larger than MAX_PIXELS
 */
export async function decode(source: ImageSource, name = nameOf(source)): Promise<Pixels> {
  const bytes = await read(source, name);
  await header(bytes, name);
  return output(pipeline(bytes), name);
}

/**
 * Decodes the part `box` of an image (in whole pixels of its oriented size) scaled to width x height, for training:
 * what `decode` and `resample` give within 1/255 on average, but faster and off the JavaScript thread.
 *
 * It does not decode JPEG at a fraction of its size: that saves little, as most of the time goes into entropy coding.
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
  const cut = pipeline(bytes).extract(box);
  if (box.width < width || box.height < height) {
    // libvips shifts an image by up to half a pixel when it makes it larger.
    return { width, height, data: resample(await output(cut, name), width, height, interpolation) };
  }
  const kernel = interpolation === 'bilinear' ? 'linear' : 'cubic';
  return output(cut.resize({ width, height, fit: 'fill', kernel }), name);
}

/** An image's bytes. @throws ImageError when the file is missing, unreadable or empty */
export async function read(source: ImageSource, name = nameOf(source)): Promise<Uint8Array> {
  const bytes = typeof source === 'string' ? await readFile(source).catch((e) => fail(name, missing(e))) : source;
  if (bytes.length === 0) fail(name, 'the file is empty (0 bytes)');
  return bytes;
}

function nameOf(source: ImageSource): string {
  return typeof source === 'string' ? source : 'image';
}

/** Orientation and alpha are handled here so that whatever follows sees a plain image. */
function pipeline(bytes: Uint8Array): Sharp {
  return sharp(bytes, { failOn: 'error', limitInputPixels: MAX_PIXELS }).autoOrient().flatten({ background: '#fff' });
}

async function output(image: Sharp, name: string): Promise<Pixels> {
  const { data, info } = await image
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((e: unknown) => fail(name, `the image is damaged or cut short (${firstLine(e)})`));
  return { width: info.width, height: info.height, data };
}

async function header(bytes: Uint8Array, name: string): Promise<ImageHeader> {
  const meta = await sharp(bytes, { failOn: 'error', limitInputPixels: false })
    .metadata()
    .catch((e: unknown) => fail(name, unreadable(bytes, e)));
  const format = formatOf(meta) ?? fail(name, `it is ${kind(meta)}, which is not read; save it as ${FORMATS}`);
  const { width, height } = meta.autoOrient;
  if (width * height > MAX_PIXELS) {
    const limit = `the limit is ${MAX_PIXELS / 1e6} million pixels`;
    fail(name, `${width} x ${height} pixels are too many; ${limit}, so scale it down first`);
  }
  return { format, width, height, mode: modeOf(meta) };
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

function kind({ format }: Metadata): string {
  return format === 'heif' ? 'a HEIC image' : `a file of the kind ${format}`;
}

function modeOf({ space, channels, depth, hasAlpha }: Metadata): string {
  const colours = space === 'cmyk' ? 'cmyk' : channels - Number(hasAlpha) === 1 ? 'grey' : 'rgb';
  const bits = depth === 'uchar' ? '' : depth === 'ushort' ? ' 16-bit' : ` ${depth}`;
  return `${colours}${hasAlpha ? 'a' : ''}${bits}`;
}

function unreadable(bytes: Uint8Array, error: unknown): string {
  const start = new TextDecoder().decode(bytes.subarray(0, 300)).replace('\uFEFF', '').trimStart().toLowerCase();
  if (start.startsWith('<!doctype html') || start.startsWith('<html')) {
    return 'it is a web page (HTML), not an image; its download probably failed';
  }
  const reason = firstLine(error);
  return reason.includes('unsupported image format')
    ? `it is not a ${FORMATS} image, or it is cut short`
    : `the image is damaged or cut short (${reason})`;
}

function missing(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file';
    case 'EISDIR':
      return 'it is a folder, not an image';
    case 'EACCES':
    case 'EPERM':
      return 'reading it is not permitted';
    default:
      return `it cannot be read (${error.message})`;
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0]!.trim();
}

function fail(name: string, reason: string): never {
  throw new ImageError(name, reason);
}
