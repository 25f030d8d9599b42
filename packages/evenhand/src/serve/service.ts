import type { NodeModel } from '@evenhand/predict';
import type { FastifyRequest } from 'fastify';
import type { ImageQueue } from './image-queue.js';
import type { ServeLimits } from './limits.js';

/** What the routes share. */
export interface Service {
  readonly model: NodeModel;
  readonly limits: ServeLimits;
  readonly queue: ImageQueue;
  /** Aborted when the time of a request is over or its client has left. */
  readonly signalOf: (request: FastifyRequest) => AbortSignal;
}
