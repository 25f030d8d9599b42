// The JSON Schemas that validate requests and serialize answers, from which /openapi.json is made.
import type { ServeLimits } from './limits.js';

/** Views of an image by their number: see `Tta`. In an address, a plus sign of a name would be a space. */
export const VIEWS = { 1: 'none', 2: 'flip', 4: 'flip+scales' } as const;

export interface PredictQuery {
  readonly topK: number;
  readonly views: 1 | 2 | 4;
}

/** A body of JSON, and of multipart/form-data after its files were read. */
export interface ImagesBody {
  readonly images: readonly string[];
}

/** What the image formats that are decoded are called. */
const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/tiff', 'image/avif'];

const binary = (contentMediaType: string): object => ({ contentMediaType });

const probability = { type: 'number', minimum: 0, maximum: 1 };

const ranked = {
  type: 'object',
  required: ['label', 'probability'],
  properties: { label: { type: 'string' }, probability },
};

const problem = {
  description: 'An RFC 9457 problem: `detail` is one sentence.',
  content: {
    'application/problem+json': {
      schema: {
        type: 'object',
        required: ['type', 'title', 'status', 'detail'],
        properties: {
          type: { type: 'string' },
          title: { type: 'string' },
          status: { type: 'integer' },
          detail: { type: 'string' },
        },
      },
    },
  },
};

/** The bodies that hold images. */
export const imagesBody = ({ images }: Pick<ServeLimits, 'images'>): object => ({
  content: {
    ...Object.fromEntries(IMAGE_TYPES.map((type) => [type, { schema: binary(type) }])),
    'multipart/form-data': {
      schema: {
        type: 'object',
        required: ['images'],
        properties: {
          images: {
            description: 'The files of the form, whatever their fields are called.',
            type: 'array',
            minItems: 1,
            maxItems: images,
            items: binary('application/octet-stream'),
          },
        },
      },
    },
    'application/json': {
      schema: {
        type: 'object',
        required: ['images'],
        additionalProperties: false,
        properties: {
          images: {
            description: 'Image files in base64.',
            type: 'array',
            minItems: 1,
            maxItems: images,
            items: { type: 'string', minLength: 1, contentEncoding: 'base64' },
          },
        },
      },
    },
  },
});

const refusals = (...statuses: number[]): object => Object.fromEntries(statuses.map((status) => [status, problem]));

export const REFUSALS = refusals(400, 401, 413, 415, 422, 429, 500, 503);

export const predictSchema = (limits: ServeLimits, defaults: PredictQuery): object => ({
  operationId: 'predict',
  summary: 'Classify images',
  description:
    'The body is one image file, a form with files, or JSON with files in base64. The same answers as `evenhand predict`.',
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      topK: {
        description: 'Classes in `top`, at most all.',
        type: 'integer',
        minimum: 1,
        default: defaults.topK,
      },
      views: {
        description: 'Views whose logits are averaged: 2 are the image and its mirror image, 4 both at two scales.',
        type: 'integer',
        enum: Object.keys(VIEWS).map(Number),
        default: defaults.views,
      },
    },
  },
  body: imagesBody(limits),
  response: {
    200: {
      description: 'One prediction per image, in the order of the body.',
      type: 'object',
      required: ['modelSha256', 'predictions'],
      properties: {
        modelSha256: { description: 'SHA-256 of the model file.', type: 'string' },
        predictions: {
          type: 'array',
          items: {
            description:
              'A prediction, or, if some but not all images could not be predicted, the `error` of this one.',
            type: 'object',
            properties: {
              label: { description: 'The predicted class, by the decision rule of the model.', type: 'string' },
              probability: { ...probability, description: 'The calibrated probability of that class.' },
              unsure: { description: 'Whether the probability is below `unsureBelow` of /v1/model.', type: 'boolean' },
              top: { description: 'The highest-ranked classes, best first.', type: 'array', items: ranked },
              views: { type: 'integer' },
              warning: { description: 'A fault of the file that did not keep it from being read.', type: 'string' },
              error: { type: 'string' },
            },
          },
        },
      },
    },
    ...REFUSALS,
  },
});

export const explainSchema = (limits: ServeLimits): object => ({
  operationId: 'explain',
  summary: 'Which parts of an image its prediction depends on',
  description:
    'The body has one image. Squares of it are covered with the mean colour, one after another: 49 more predictions.',
  body: imagesBody({ ...limits, images: 1 }),
  response: {
    200: {
      description: 'How much lower the probability is if the surroundings of a cell are covered.',
      type: 'object',
      properties: {
        label: { type: 'string' },
        probability: { ...probability, description: 'Of the label, for the whole image.' },
        cells: { description: 'Cells in a row and in a column.', type: 'integer' },
        drops: { description: 'One number per cell, row by row.', type: 'array', items: { type: 'number' } },
        box: {
          description: 'The part of the image that the model sees, as shares of its width and height.',
          type: 'object',
          properties: {
            left: { type: 'number' },
            top: { type: 'number' },
            width: { type: 'number' },
            height: { type: 'number' },
          },
        },
      },
    },
    ...REFUSALS,
  },
});

export const similarSchema = (limits: ServeLimits): object => ({
  operationId: 'similar',
  summary: 'Similar training images',
  description: 'The body has one image. Only a server of a run folder whose data are there has this address.',
  body: imagesBody({ ...limits, images: 1 }),
  response: {
    200: {
      description: 'The training images with the nearest features, the most similar one first.',
      type: 'object',
      properties: {
        compared: { description: 'Training images whose features are known so far.', type: 'integer' },
        of: { description: 'Training images that are compared when all are known.', type: 'integer' },
        images: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              label: { description: 'In the data.', type: 'string' },
              similarity: { description: 'Cosine similarity of the features.', type: 'number' },
              thumbnail: { description: 'Its address on this server.', type: 'string' },
            },
          },
        },
      },
    },
    ...REFUSALS,
  },
});

export const similarImageSchema = {
  operationId: 'similarImage',
  summary: 'The thumbnail of a training image',
  params: { type: 'object', required: ['index'], properties: { index: { type: 'integer', minimum: 0 } } },
  response: {
    200: { description: 'WebP.', content: { 'image/webp': { schema: binary('image/webp') } } },
    404: problem,
  },
};

export const modelSchema = {
  operationId: 'model',
  summary: 'What the model is and what the server accepts',
  response: {
    200: {
      description: 'The model and the limits.',
      type: 'object',
      properties: {
        model: { description: 'The architecture.', type: 'string' },
        modelSha256: { type: 'string' },
        version: { description: 'The version of evenhand that wrote the model file.', type: 'string' },
        classes: { description: 'In the order of the logits.', type: 'array', items: { type: 'string' } },
        imageSize: { description: 'Pixels of the side of the square that the model sees.', type: 'integer' },
        decision: {
          type: 'object',
          properties: {
            temperature: { description: 'By which the logits are divided.', type: 'number' },
            rule: { type: 'string', enum: ['most probable class', 'tuned for Macro F1'] },
          },
        },
        unsureBelow: { ...probability, description: 'A prediction of a lower probability is `unsure`.' },
        validation: {
          description: 'Macro F1 over all classes on the validation images, with its 95 % interval.',
          type: ['object', 'null'],
          properties: {
            images: { type: 'integer' },
            macroF1: { type: 'number' },
            low: { type: 'number' },
            high: { type: 'number' },
          },
        },
        license: {
          description: 'Of the pretrained weights; null if nobody says.',
          type: ['object', 'null'],
          properties: { id: { type: 'string' }, restriction: { type: 'string' } },
        },
        limits: {
          type: 'object',
          properties: {
            bodyBytes: { type: 'integer' },
            images: { description: 'In a request.', type: 'integer' },
            pixels: { description: 'Of an image.', type: 'integer' },
            seconds: { description: 'From the arrival of a request to its answer.', type: 'number' },
          },
        },
      },
    },
    401: problem,
  },
};

export const healthSchema = {
  operationId: 'health',
  summary: 'Whether the server can predict',
  response: {
    200: {
      description: 'It can.',
      type: 'object',
      properties: { status: { type: 'string', enum: ['ok'] } },
    },
    503: problem,
  },
};
