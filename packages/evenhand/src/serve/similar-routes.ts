import type { FastifyInstance } from 'fastify';
import { Problem } from './problem.js';
import { oneImageOf, probeWithin } from './read-images.js';
import { similarImageSchema, similarSchema } from './schemas.js';
import type { Service } from './service.js';
import type { SimilarImages } from './similar.js';

/** Images of an answer. */
const COUNT = 6;

/** `POST /v1/similar`: training images that are similar to one image, and their thumbnails. */
export function addSimilarRoutes(api: FastifyInstance, service: Service, similar: SimilarImages): void {
  const { queue, limits, signalOf } = service;
  const schema = similarSchema(limits);
  api.post('/v1/similar', { schema, config: { access: 'read' } }, async (request) => {
    const image = oneImageOf(request);
    const find = async () => {
      await probeWithin(image, limits);
      return similar.nearest(image, COUNT);
    };
    const [found] = await queue.run(request.ip, [find], signalOf(request));
    return {
      compared: similar.done,
      of: similar.images.length,
      images: found!.map(({ index, similarity }) => {
        return { label: similar.images[index]!.label, similarity, thumbnail: `/v1/similar/${index}` };
      }),
    };
  });
  api.get<{ Params: { index: number } }>(
    '/v1/similar/:index',
    { schema: similarImageSchema },
    async (request, reply) => {
      const bytes = await similar.thumbnail(request.params.index);
      if (bytes === undefined) throw new Problem(404, 'There is no such image any more.');
      return reply.type('image/webp').header('cache-control', 'private, max-age=3600').send(bytes);
    },
  );
}
