import { availableParallelism } from 'node:os';
import { basename, resolve } from 'node:path';
import { DEVICES, load, type NodeModel, readModelFile, TTA } from '@evenhand/predict';
import { parseDuration } from '../../duration.js';
import { describeValue } from '../../printable.js';
import { RunFolder } from '../../run/index.js';
import {
  createPredictionServer,
  DEFAULT_LIMITS,
  type ServeLimits,
  type ServeSettings,
  SimilarImages,
} from '../../serve/index.js';
import { startServer } from '../../server/index.js';
import type { Command } from '../command.js';
import { addressFlags, readHosts, readPort } from '../options/address.js';
import {
  expectPositionals,
  type Flag,
  type Parsed,
  parseFlags,
  readUnsureBelow,
  readWholeNumber,
} from '../options/flags.js';
import { exitCodes, UsageError } from '../output/errors.js';
import { quoted } from '../output/text.js';
import { findModelFile, predictFlags, readChoice, readLabels, readPreset } from '../predict/flags.js';
import { sha256 } from '../predict/open.js';

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** The token of a server that others start again and again. */
const TOKEN_VARIABLE = 'EVENHAND_TOKEN';
const LEAST_TOKEN = 16;

const PORT = 8000;

const flags: readonly Flag[] = [
  ...addressFlags({
    host: 'address to bind; any but a loopback address needs the token that is printed, or EVENHAND_TOKEN [127.0.0.1]',
    port: `port; 0 for a free one [${PORT}]`,
  }),
  {
    name: 'top-k',
    boolean: false,
    value: 'N',
    group: 'Predictions',
    doc: 'classes per image, unless a request says topK [5]',
  },
  {
    name: 'tta',
    boolean: false,
    value: 'KIND',
    group: 'Predictions',
    doc: `test-time augmentation, unless a request says views: ${TTA.join(', ')} [none]`,
  },
  {
    name: 'unsure-below',
    boolean: false,
    value: 'P',
    group: 'Predictions',
    doc: 'predictions of a lower probability are called unsure [0.5]',
  },
  ...predictFlags.filter(({ name }) => ['device', 'threads', 'labels', 'preset'].includes(name)),
  {
    name: 'data',
    boolean: false,
    value: 'PATH',
    group: 'Similar training images',
    doc: 'current location of the training data of a run, if it has moved',
  },
  {
    name: 'no-similar',
    boolean: true,
    group: 'Similar training images',
    doc: 'do not compute features of the training images of a run',
  },
  {
    name: 'max-body',
    boolean: false,
    value: 'MB',
    group: 'Limits',
    doc: `megabytes of a request [${DEFAULT_LIMITS.bodyBytes / 1e6}]`,
  },
  {
    name: 'max-pixels',
    boolean: false,
    value: 'N',
    group: 'Limits',
    doc: `millions of pixels of an image [${DEFAULT_LIMITS.pixels / 1e6}]`,
  },
  {
    name: 'max-images',
    boolean: false,
    value: 'N',
    group: 'Limits',
    doc: `images of a request [${DEFAULT_LIMITS.images}]`,
  },
  {
    name: 'queue',
    boolean: false,
    value: 'N',
    group: 'Limits',
    doc: `images that wait or are predicted [${DEFAULT_LIMITS.queue}]`,
  },
  {
    name: 'client-queue',
    boolean: false,
    value: 'N',
    group: 'Limits',
    doc: `of them, those of one address [${DEFAULT_LIMITS.clientQueue}]`,
  },
  {
    name: 'time-limit',
    boolean: false,
    value: 'TIME',
    group: 'Limits',
    doc: `from the arrival of a request to its answer [${DEFAULT_LIMITS.seconds}s]`,
  },
  {
    name: 'log-level',
    boolean: false,
    value: 'LEVEL',
    doc: `what is logged on standard output, a line of JSON per event: ${LOG_LEVELS.join(', ')} [info]`,
  },
];

export const serve: Command = {
  name: 'serve',
  usage: ['serve MODEL [OPTIONS]'],
  about: [
    'Classifies images over HTTP. MODEL is a run folder or a model.onnx file. Answers are those of evenhand predict: POST ' +
      'an image, a form with files, or JSON to /v1/predict. The page at / tries it, /openapi.json describes the API, ' +
      '/healthz says whether it works, /metrics has figures for Prometheus.',
    'SIGTERM and Ctrl-C stop it after the requests under way are answered.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('serve', args, flags);
    const [name] = expectPositionals('serve', parsed, ['MODEL']);
    const file = findModelFile(name!);
    const address = readAddress(parsed);
    const predictions = readPredictions(parsed);
    const limits = readLimits(parsed);
    const level = readChoice(parsed.flags, 'log-level', LOG_LEVELS) ?? 'info';
    const threads = readWholeNumber(parsed.flags, 'threads') ?? availableParallelism();
    const bytes = await readModelFile(file);
    const model = await load(file, {
      device: readChoice(parsed.flags, 'device', DEVICES),
      threads,
      labels: await readLabels(parsed.flags.get('labels')),
      preset: readPreset(parsed.flags.get('preset')),
    });
    try {
      const server = await createPredictionServer({
        model,
        name: basename(resolve(name!)),
        similar: await similarImages(parsed, name!, bytes, model),
        modelSha256: sha256(bytes),
        parallel: parallelOf(model, threads),
        limits,
        ...predictions,
        server: { ...address.settings, fastify: { logger: { level } } },
      });
      const { url, stopped } = await startServer(server, {
        port: address.port,
        stopSeconds: limits.seconds ?? DEFAULT_LIMITS.seconds,
      });
      // Standard output has the log, in which the token of the address has no place.
      process.stderr.write(`Serving ${name} on ${model.device}: ${url} (Ctrl-C stops it)\n`);
      await stopped;
      return exitCodes.done;
    } finally {
      await model.close();
    }
  },
};

/** Finds similar training images if the model is that of a run whose data are there. */
async function similarImages(
  { flags: given }: Parsed,
  path: string,
  modelFile: Uint8Array,
  { metadata, device }: NodeModel,
): Promise<SimilarImages | undefined> {
  const data = given.get('data');
  if (!RunFolder.isRun(path)) {
    if (data !== undefined) throw new UsageError(`--data is for a run folder; ${quoted(path)} is not one`);
    return undefined;
  }
  if (given.get('no-similar') === 'true') return undefined;
  const { trainingImagesOfRun } = await import('../../workflows/index.js');
  const images = await trainingImagesOfRun(path, data);
  if (images === null) {
    process.stderr.write(
      'No similar training images: the data of the run are not there; say with --data where they are\n',
    );
    return undefined;
  }
  return SimilarImages.open(modelFile, metadata, device, images);
}

/** On a CPU images are decoded while others are computed; on a GPU the images of all requests are computed together. */
const parallelOf = ({ device }: NodeModel, threads: number): number => (device === 'cpu' ? 3 * threads : 32);

function readAddress({ flags: given }: Parsed): { port: number; settings: NonNullable<ServeSettings['server']> } {
  const token = process.env[TOKEN_VARIABLE];
  if (token !== undefined && (token.length < LEAST_TOKEN || !/^[\w.~-]+$/.test(token))) {
    throw new UsageError(
      `${TOKEN_VARIABLE} must have at least ${LEAST_TOKEN} letters, digits, dots, tildes, dashes and underscores`,
    );
  }
  return {
    port: readPort(given) ?? PORT,
    settings: {
      ...readHosts(given),
      ...(token === undefined ? {} : { token, readsNeedToken: true }),
    },
  };
}

function readPredictions({ flags: given }: Parsed): Pick<ServeSettings, 'topK' | 'views' | 'unsureBelow'> {
  const views = { none: 1, flip: 2, 'flip+scales': 4 } as const;
  return {
    topK: readWholeNumber(given, 'top-k') ?? 5,
    views: views[readChoice(given, 'tta', TTA) ?? 'none'],
    unsureBelow: readUnsureBelow(given),
  };
}

function readLimits({ flags: given }: Parsed): Partial<ServeLimits> {
  const limits: { -readonly [Name in keyof ServeLimits]?: ServeLimits[Name] } = {};
  const set = (limit: keyof ServeLimits, name: string, factor = 1): void => {
    const value = readWholeNumber(given, name);
    if (value !== undefined) limits[limit] = value * factor;
  };
  set('bodyBytes', 'max-body', 1e6);
  set('pixels', 'max-pixels', 1e6);
  set('images', 'max-images');
  set('queue', 'queue');
  set('clientQueue', 'client-queue');
  // Bodies of the greatest size can always be read.
  if (limits.bodyBytes !== undefined) limits.allBodyBytes = Math.max(DEFAULT_LIMITS.allBodyBytes, 4 * limits.bodyBytes);
  const time = given.get('time-limit');
  if (time !== undefined) {
    const seconds = parseDuration(time);
    if (seconds === undefined || !(seconds > 0)) {
      throw new UsageError(`--time-limit must be a time such as 30s or 2m, got ${describeValue(time)}`);
    }
    limits.seconds = seconds;
  }
  return limits;
}
