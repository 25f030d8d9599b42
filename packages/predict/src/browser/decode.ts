/// <reference lib="dom" preserve="true" />
import { ImageError, type Pixels } from '../image.js';

/** An image in a browser: a file that the user chose, bytes, a URL, or an element of the page. */
export type BrowserImage =
  | Blob
  | Uint8Array<ArrayBuffer>
  | ArrayBuffer
  | string
  | URL
  | ImageBitmap
  | ImageData
  | HTMLImageElement
  | HTMLCanvasElement
  | OffscreenCanvas;

/**
 * An image as 8-bit RGB: EXIF orientation applied, colours in sRGB, transparent parts on white. The same as `decode` in
 * Node except for the last bits of lossy formats, because the browser has its own decoders.
 *
 * @throws ImageError if the browser cannot fetch or decode it
 */
export async function decode(image: BrowserImage): Promise<Pixels> {
  const bitmap = await bitmapOf(image);
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (context === null) throw new ImageError(nameOf(image), 'the browser provides no canvas to decode it');
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  // A bitmap from the caller stays open.
  if (bitmap !== image) bitmap.close();
  const rgba = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4) {
    data[to++] = rgba[from]!;
    data[to++] = rgba[from + 1]!;
    data[to++] = rgba[from + 2]!;
  }
  return { width, height, data };
}

async function bitmapOf(image: BrowserImage): Promise<ImageBitmap> {
  if (image instanceof ImageBitmap) return image;
  const name = nameOf(image);
  let source: ImageBitmapSource;
  if (typeof image === 'string' || image instanceof URL) source = await fetchImage(image, name);
  else if (image instanceof Uint8Array || image instanceof ArrayBuffer) source = new Blob([image]);
  else source = image;
  try {
    return await createImageBitmap(source);
  } catch (error) {
    const empty = source instanceof Blob && source.size === 0;
    const reason = empty ? 'the file is empty (0 bytes)' : `the browser cannot decode it (${(error as Error).message})`;
    throw new ImageError(name, reason);
  }
}

async function fetchImage(address: string | URL, name: string): Promise<Blob> {
  const response = await fetch(address).catch((error: Error) => {
    throw new ImageError(name, `it cannot be fetched (${error.message})`);
  });
  if (!response.ok) throw new ImageError(name, `it cannot be fetched (HTTP ${response.status})`);
  return response.blob();
}

function nameOf(image: BrowserImage): string {
  if (typeof image === 'string' || image instanceof URL) return String(image);
  return image instanceof File ? image.name : 'image';
}
