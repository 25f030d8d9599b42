import { ImageError } from '@evenhand/predict';
import type { FastifyError, FastifyReply } from 'fastify';
import { sendProblemDocument } from '../server/index.js';

/** Why a request is refused: a status and one sentence for the client. */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    readonly status: 400 | 404 | 413 | 415 | 422 | 429 | 499 | 500 | 503,
    message: string,
  ) {
    super(message);
  }
}

/** What Fastify and its plugins refuse by themselves, in our words; other messages of theirs are sent as they are. */
const REFUSALS: Readonly<Record<string, (limits: { readonly bodyBytes: number }) => Problem>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: bodyTooLarge,
  FST_REQ_FILE_TOO_LARGE: bodyTooLarge,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new Problem(
      415,
      'The body must be an image (Content-Type: image/jpeg, for example), multipart/form-data, or application/json.',
    ),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => new Problem(400, 'The body is empty; send JSON such as {"images": ["BASE64"]}.'),
  FST_ERR_CTP_INVALID_JSON_BODY: () => new Problem(400, 'The body is not valid JSON.'),
};

export function bodyTooLarge({ bodyBytes }: { readonly bodyBytes: number }): Problem {
  return new Problem(413, `The body may have ${bodyBytes / 1e6} MB; send smaller or fewer images.`);
}

/** The refusal that an error of a request stands for. What failed inside is not described: it may name files. */
export function problemOf(error: FastifyError | Problem | ImageError, limits: { readonly bodyBytes: number }): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ImageError) return new Problem(422, `The image cannot be read: ${error.reason}.`);
  const { code = '', statusCode = 500, message } = error;
  // A schema was not met; the message names what.
  if (code === 'FST_ERR_VALIDATION') return new Problem(422, message);
  const known = REFUSALS[code];
  if (known !== undefined) return known(limits);
  // Of a client that left in the middle of a body.
  if (code === 'ECONNRESET' || code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH')
    return new Problem(400, 'The body is cut short.');
  if (statusCode < 500) return new Problem(statusCode === 413 ? 413 : 400, message);
  return new Problem(500, 'The server failed on this request.');
}

/** Answers with an RFC 9457 document. */
export function sendProblem(reply: FastifyReply, { status, message }: Problem): FastifyReply {
  // The queue is shorter in a second.
  if (status === 429 || status === 503) reply.header('retry-after', '1');
  return sendProblemDocument(reply, status, message);
}
