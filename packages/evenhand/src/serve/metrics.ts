import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ImageQueue } from './image-queue.js';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export interface ServeMetrics {
  /** @param seconds from its turn to its prediction */
  imageDone(outcome: 'predicted' | 'unreadable' | 'failed', seconds: number): void;
}

/** Measures requests and images, and serves the figures at /metrics in Prometheus' format. */
export function serveMetrics(app: FastifyInstance, queue: ImageQueue): ServeMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers,
  });
  const images = new Counter({
    name: 'evenhand_images_total',
    help: 'Images by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  const seconds = new Histogram({
    name: 'evenhand_image_duration_seconds',
    help: 'Time from the turn of an image to its prediction: decoding, preprocessing and the model.',
    buckets: SECONDS,
    registers,
  });
  new Gauge({
    name: 'evenhand_images_in_work',
    help: 'Images that wait or are predicted.',
    registers,
    collect() {
      this.set(queue.size);
    },
  });
  app.addHook('onResponse', async ({ method, routeOptions }, reply) => {
    const labels = { method, route: routeOptions.url ?? 'none', status: reply.statusCode };
    requests.observe(labels, reply.elapsedTime / 1000);
  });
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
  return {
    imageDone(outcome, elapsed) {
      images.inc({ outcome });
      seconds.observe(elapsed);
    },
  };
}
