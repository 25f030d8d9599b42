import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ImageQueue } from './image-queue.js';
import type { ServeLimits } from './limits.js';
import { bodyTooLarge, Problem } from './problem.js';

/**
 * Refuses requests before their bodies are read: if a body is too large, if all bodies together are, or if there is no
 * place for another image. Returns a function with the signal of a request, which is aborted when its time is over or its
 * client has left.
 */
export function limitRequests(
  app: FastifyInstance,
  queue: ImageQueue,
  limits: ServeLimits,
): (request: FastifyRequest) => AbortSignal {
  let allBytes = 0;
  const signals = new WeakMap<FastifyRequest, AbortSignal>();

  // After the request is admitted by `onRequest`, and before its body is read.
  app.addHook('preParsing', async (request, reply) => {
    if (request.method === 'GET') return;
    const length = request.headers['content-length'];
    // Without a length the body may be of any size up to the limit.
    const bytes = length === undefined ? limits.bodyBytes : Number(length);
    if (bytes > limits.bodyBytes) throw bodyTooLarge(limits);
    if (allBytes + bytes > limits.allBodyBytes) {
      throw new Problem(503, 'The server is reading as many images as it can hold; try again later.');
    }
    queue.admit(request.ip, 1);
    allBytes += bytes;
    const abort = new AbortController();
    const timeout = setTimeout(
      () => {
        abort.abort(new Problem(503, `The prediction was not done within ${limits.seconds} seconds; try again later.`));
      },
      Math.min(limits.seconds * 1000, 2 ** 31 - 1),
    );
    reply.raw.once('close', () => {
      allBytes -= bytes;
      clearTimeout(timeout);
      if (!reply.raw.writableFinished) abort.abort(new Problem(499, 'The client has left.'));
    });
    signals.set(request, abort.signal);
  });
  return (request) => signals.get(request)!;
}
