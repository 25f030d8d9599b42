import type { NodeModel, Prediction } from '@evenhand/predict';
import multipart from '@fastify/multipart';
import swagger from '@fastify/swagger';
import { type FastifyError, type FastifyInstance, type FastifyRequest, LogController } from 'fastify';
import { createServer, type Server, type ServerSettings } from '../server/index.js';
import { version } from '../version.js';
import { classifierOf, type NotPredicted } from './classify.js';
import { addExplainRoute } from './explain-route.js';
import { ImageQueue } from './image-queue.js';
import { limitRequests } from './limit-requests.js';
import { DEFAULT_LIMITS, type ServeLimits } from './limits.js';
import { serveMetrics } from './metrics.js';
import { addPage } from './page-routes.js';
import { Problem, problemOf, sendProblem } from './problem.js';
import { imagesOf, readForm } from './read-images.js';
import { healthSchema, modelSchema, type PredictQuery, predictSchema } from './schemas.js';
import type { SimilarImages } from './similar.js';
import { addSimilarRoutes } from './similar-routes.js';

export interface ServeSettings {
  readonly model: NodeModel;
  /** SHA-256 of the model file. */
  readonly modelSha256: string;
  /** Images that are predicted at a time. */
  readonly parallel: number;
  /** A prediction of a lower probability is called unsure: by default 0.5. */
  readonly unsureBelow?: number;
  readonly topK?: number;
  readonly views?: PredictQuery['views'];
  readonly limits?: Partial<ServeLimits>;
  /** Finds similar training images. The server closes it. */
  readonly similar?: SimilarImages | undefined;
  /** The title of the page: by default the name of the model. */
  readonly name?: string;
  readonly server?: Omit<ServerSettings, 'problems'>;
}

/**
 * A server that classifies images: `POST /v1/predict`, `GET /v1/model`, /healthz, /metrics, /openapi.json, and a page to
 * try it. Its answers are those of `evenhand predict`, and none names a file of this machine. Errors are RFC 9457 problems.
 */
export async function createPredictionServer(settings: ServeSettings): Promise<Server> {
  const limits: ServeLimits = { ...DEFAULT_LIMITS, ...settings.limits };
  const { fastify, ...options } = settings.server ?? {};
  const server = createServer({
    ...options,
    problems: true,
    fastify: {
      bodyLimit: limits.bodyBytes,
      logController: new LogController({ disableRequestLogging: true }),
      // What is not in a schema is refused instead of dropped: a misspelt option must not seem to work.
      ajv: { customOptions: { removeAdditional: false, coerceTypes: true } },
      ...fastify,
    },
  });
  const { app } = server;
  logRequests(app);
  // Before the document of the API, in which it has no place.
  await addPage(app, settings);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'evenhand serve', version: version(), description: 'Classifies images with a trained model.' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      ...(server.readsNeedToken ? { security: [{ token: [] }] } : {}),
    },
  });
  await app.register(async (api) => addRoutes(api, settings, limits));
  app.get('/openapi.json', { schema: { hide: true } } as object, () => app.swagger());
  return server;
}

/** Computes the features of the training images while nothing else is to be done. */
function indexInBackground(app: FastifyInstance, similar: SimilarImages, queue: ImageQueue): void {
  app.addHook('onListen', async () => {
    void similar.index(() => queue.size === 0).catch((error: unknown) => app.log.error(error));
  });
  app.addHook('onClose', () => similar.close());
}

async function addRoutes(api: FastifyInstance, settings: ServeSettings, limits: ServeLimits): Promise<void> {
  const { model, modelSha256, parallel, unsureBelow = 0.5 } = settings;
  const queue = new ImageQueue(parallel, limits);
  const metrics = serveMetrics(api, queue);
  if (settings.similar !== undefined) indexInBackground(api, settings.similar, queue);
  const classifier = classifierOf(model, limits, metrics);
  const { metadata } = model;

  await api.register(multipart);
  api.removeContentTypeParser('text/plain');
  for (const type of [/^image\//, 'application/octet-stream']) {
    api.addContentTypeParser(type, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  }
  api.setSchemaErrorFormatter((errors, part) => new Problem(422, sentenceOf(errors[0]!, part)));
  api.setErrorHandler((error: FastifyError | Problem, request, reply) => {
    const problem = problemOf(error, limits);
    if (problem.status === 500) request.log.error(error);
    return sendProblem(reply, problem);
  });

  const answerOf = (outcome: Prediction | NotPredicted): object => {
    if ('error' in outcome) return { error: outcome.error };
    const { label, probability, top, views, warning } = outcome;
    return { label, probability, unsure: probability < unsureBelow, top, views, warning };
  };
  await api.register(async (bounded) => {
    const signalOf = limitRequests(bounded, queue, limits);
    bounded.addHook('preValidation', (request) => readForm(request, limits, signalOf(request)));
    const service = { model, limits, queue, signalOf };
    addExplainRoute(bounded, service);
    if (settings.similar !== undefined) addSimilarRoutes(bounded, service, settings.similar);
    const schema = predictSchema(limits, { topK: settings.topK ?? 5, views: settings.views ?? 1 });
    bounded.post<{ Querystring: PredictQuery }>(
      '/v1/predict',
      { schema, config: { access: 'read' } },
      async (request) => {
        const images = imagesOf(request);
        const tasks = images.map((bytes) => () => classifier.classify(bytes, request.query, request.log));
        const outcomes = await queue.run(request.ip, tasks, signalOf(request));
        const failures = outcomes.filter((outcome) => 'error' in outcome);
        const [failure] = failures;
        if (failure !== undefined && failures.length === outcomes.length) {
          throw new Problem(failure.status, failure.error);
        }
        return { modelSha256, predictions: outcomes.map(answerOf) };
      },
    );
  });

  api.get('/v1/model', { schema: modelSchema }, () => ({
    model: metadata.model,
    modelSha256,
    version: metadata.version,
    classes: metadata.classes,
    imageSize: metadata.preset.crop,
    decision: {
      temperature: metadata.decision.temperature,
      rule: metadata.decision.scale === null ? 'most probable class' : 'tuned for Macro F1',
    },
    unsureBelow,
    validation: metadata.validation,
    license: metadata.license ?? null,
    limits,
  }));

  api.get('/healthz', { schema: healthSchema, config: { access: 'public' } }, () => {
    if (classifier.isBroken) throw new Problem(503, 'The model stopped working; start the server again.');
    return { status: 'ok' };
  });
}

interface SchemaError {
  readonly instancePath: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** What a schema does not accept: `topK must be >= 1.` */
function sentenceOf({ instancePath, message = 'is invalid', params }: SchemaError, part: string): string {
  const place = instancePath.replace(/^\//, '').replaceAll('/', ' ');
  const name = place === '' ? (part === 'querystring' ? 'The address' : 'The body') : place;
  const { additionalProperty, allowedValues } = params;
  const details = [additionalProperty, allowedValues].filter((detail) => detail !== undefined).map((x) => ` (${x})`);
  return `${name} ${message}${details.join('')}.`;
}

/** One line per request. The address is logged without its query, which may hold the token. */
function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', async (request: FastifyRequest, reply) => {
    const { method, url, ip } = request;
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    request.log.info({ method, path: url.split('?', 1)[0], status: reply.statusCode, ms, ip }, 'request');
  });
}
