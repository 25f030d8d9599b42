import { ImageError, ModelError, type NodeModel, type Prediction } from '@evenhand/predict';
import type { FastifyBaseLogger } from 'fastify';
import type { ServeLimits } from './limits.js';
import type { ServeMetrics } from './metrics.js';
import { Problem } from './problem.js';
import { probeWithin } from './read-images.js';
import { type PredictQuery, VIEWS } from './schemas.js';

/** An image of a request that could not be predicted, and why, in one sentence. */
export interface NotPredicted {
  readonly error: string;
  /** 422 if it is the image's fault, 500 if the model failed. */
  readonly status: 422 | 500;
}

export interface Classifier {
  /** Predicts an image file. Never throws for what is in the file. */
  classify(bytes: Buffer, query: PredictQuery, log: FastifyBaseLogger): Promise<Prediction | NotPredicted>;
  /** Whether the model stopped working, so that the server must be started again. */
  readonly isBroken: boolean;
}

/** Predicts image files with a model, within the limits. */
export function classifierOf(model: NodeModel, limits: ServeLimits, metrics: ServeMetrics): Classifier {
  let isBroken = false;
  const failureOf = (error: unknown, log: FastifyBaseLogger): NotPredicted => {
    if (error instanceof ImageError) return { error: `The image cannot be read: ${error.reason}.`, status: 422 };
    if (error instanceof Problem) return { error: error.message, status: 422 };
    // Its message names the file of the model.
    log.error(error);
    if (!(error instanceof ModelError)) isBroken = true;
    return { error: 'The model failed on this image.', status: 500 };
  };
  return {
    get isBroken() {
      return isBroken;
    },
    async classify(bytes, { topK, views }, log) {
      const start = performance.now();
      const seconds = (): number => (performance.now() - start) / 1000;
      try {
        await probeWithin(bytes, limits);
        const prediction = await model.predict(bytes, { topK, tta: VIEWS[views] });
        metrics.imageDone('predicted', seconds());
        return prediction;
      } catch (error) {
        const failure = failureOf(error, log);
        metrics.imageDone(failure.status === 422 ? 'unreadable' : 'failed', seconds());
        return failure;
      }
    },
  };
}
