import { type ImageHeader, probe } from '@evenhand/predict';
import type { FastifyError, FastifyRequest } from 'fastify';
import type { ServeLimits } from './limits.js';
import { bodyTooLarge, Problem } from './problem.js';
import type { ImagesBody } from './schemas.js';

/** How often it is looked whether the parser of forms is stuck, in milliseconds, and how often in a row it must be. */
const LOOK = 500;
const STUCK = 4;

/**
 * Reads the files of a form into the body, which the schema then validates as that of JSON.
 *
 * @param signal ends the waiting for a form whose end does not come
 * @throws Problem if the form is damaged or too large; the reason of `signal`
 */
export async function readForm(request: FastifyRequest, limits: ServeLimits, signal: AbortSignal): Promise<void> {
  if (!request.isMultipart()) return;
  let watch: NodeJS.Timeout | undefined;
  const images = await new Promise<Buffer[]>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
    // Of some damaged forms the parser neither reads on nor ends. While it waits for a slow client, the request flows.
    let looks = 0;
    watch = setInterval(() => {
      looks = request.raw.readableEnded || request.raw.readableFlowing === false ? looks + 1 : 0;
      if (looks === STUCK) reject(new Problem(400, 'The form cannot be read: a part of it does not end.'));
    }, LOOK);
    readFiles(request, limits).then(resolve, reject);
  }).finally(() => clearInterval(watch));
  request.body = { images };
}

async function readFiles(request: FastifyRequest, { bodyBytes, images: limit }: ServeLimits): Promise<Buffer[]> {
  const images: Buffer[] = [];
  let bytes = 0;
  // One file more than allowed, so that the schema says what is wrong.
  const limits = { fileSize: bodyBytes, files: limit + 1, fields: 0, parts: limit + 1, headerPairs: 100 };
  try {
    for await (const part of request.parts({ limits })) {
      if (part.type !== 'file') throw new Problem(422, ONLY_FILES);
      const file = await part.toBuffer();
      bytes += file.length;
      if (bytes > bodyBytes) throw bodyTooLarge({ bodyBytes });
      images.push(file);
    }
  } catch (error) {
    throw error instanceof Problem ? error : formProblem(error as FastifyError, { bodyBytes, images: limit });
  }
  return images;
}

const ONLY_FILES = 'The form may only have files; put topK and views in the address.';

/** What keeps a form from being read; the parser's errors have no status. */
function formProblem(
  { code, message }: FastifyError,
  { bodyBytes, images }: Pick<ServeLimits, 'bodyBytes' | 'images'>,
): Problem {
  if (code === 'FST_REQ_FILE_TOO_LARGE') return bodyTooLarge({ bodyBytes });
  if (code === 'FST_FIELDS_LIMIT') return new Problem(422, ONLY_FILES);
  if (code === 'FST_FILES_LIMIT' || code === 'FST_PARTS_LIMIT') {
    return new Problem(422, `A request may have ${images} images; send the others in another one.`);
  }
  return new Problem(400, `The form cannot be read: ${message}.`);
}

/** The image files of a request's body. @throws Problem if there is none */
export function imagesOf({ body }: FastifyRequest): Buffer[] {
  if (Buffer.isBuffer(body)) {
    if (body.length === 0) throw new Problem(422, 'The image is empty (0 bytes).');
    return [body];
  }
  if (body === undefined || body === null) {
    throw new Problem(415, 'The request has no body; send an image, a form with files, or JSON.');
  }
  return (body as ImagesBody).images.map((image, i) => (Buffer.isBuffer(image) ? image : fromBase64(image, i)));
}

/** The image file of a request that is about one image. @throws Problem if there is none, or more */
export function oneImageOf(request: FastifyRequest): Buffer {
  const [image, ...more] = imagesOf(request);
  if (image !== undefined && more.length === 0) return image;
  throw new Problem(422, 'Send one image.');
}

function fromBase64(text: string, index: number): Buffer {
  if (/^[A-Za-z0-9+/\r\n]+={0,2}\s*$/.test(text)) return Buffer.from(text, 'base64');
  throw new Problem(422, `Image ${index + 1} is not in base64.`);
}

/** Reads the header of an image. @throws ImageError if it is no image, Problem if it has too many pixels */
export async function probeWithin(bytes: Buffer, { pixels }: Pick<ServeLimits, 'pixels'>): Promise<ImageHeader> {
  const header = await probe(bytes);
  if (header.width * header.height <= pixels) return header;
  throw new Problem(
    422,
    `The image has ${header.width} x ${header.height} pixels; the limit is ${pixels / 1e6} million, so scale it down first.`,
  );
}
