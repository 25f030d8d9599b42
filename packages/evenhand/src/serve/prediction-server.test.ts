import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { load, type NodeModel } from '@evenhand/predict';
import type { FastifyInstance } from 'fastify';
import sharp from 'sharp';
import { createPredictionServer, type ServeSettings } from './index.js';
import type { ServeLimits } from './limits.js';

const golden = (name: string): string => fileURLToPath(new URL(`../../../predict/golden/${name}`, import.meta.url));
const file = (name: string): Buffer => readFileSync(golden(name));
const NAMES = ['landscape.jpg', 'portrait.jpg', 'small.png', 'grey.jpg'];

let model: NodeModel;
before(async () => {
  model = await load(golden('tiny.onnx'), { threads: 1 });
});
after(() => model.close());

async function serverOf(limits: Partial<ServeLimits> = {}, settings: Partial<ServeSettings> = {}) {
  const { app } = await createPredictionServer({ model, modelSha256: 'f00', parallel: 2, limits, ...settings });
  return app;
}

const ask = async (app: FastifyInstance, payload: string | Buffer, type: string, query = '') => {
  const headers = { 'content-type': type };
  const response = await app.inject({ method: 'POST', url: `/v1/predict${query}`, headers, payload });
  return { status: response.statusCode, headers: response.headers, body: response.json() };
};

/** The body of multipart/form-data with files. */
function form(files: readonly Buffer[], boundary = 'b'): Buffer {
  const parts = files.flatMap((bytes, i) => [
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="f${i}"; filename="${i}"\r\nContent-Type: image/jpeg\r\n\r\n`,
    ),
    bytes,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
}
const FORM = 'multipart/form-data; boundary=b';

/** Answers 422 with one sentence, or with `status`. */
async function refused(
  app: FastifyInstance,
  body: string | Buffer,
  type: string,
  sentence: RegExp,
  status = 422,
  query = '',
) {
  const answer = await ask(app, body, type, query);
  assert.match(answer.body.detail, sentence);
  assert.match(answer.body.detail, /^[^\n]+\.$/);
  assert.deepEqual([answer.status, answer.body.status, answer.body.type], [status, status, 'about:blank']);
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/);
  return answer;
}

describe('predictions', () => {
  test('are those of the model, in each form of a body', async () => {
    const app = await serverOf();
    const expected = await model.predict(NAMES.map(golden), { topK: 2, tta: 'flip+scales' });
    const answers = expected.map(({ label, probability, top, views }) => {
      return { label, probability, unsure: probability < 0.5, top, views };
    });
    const query = '?topK=2&views=4';
    for (const [i, name] of NAMES.entries()) {
      const { status, body } = await ask(app, file(name), 'image/jpeg', query);
      assert.deepEqual([status, body], [200, { modelSha256: 'f00', predictions: [answers[i]] }]);
    }
    const inForm = await ask(app, form(NAMES.map(file)), FORM, query);
    assert.deepEqual(inForm.body.predictions, answers);
    const json = JSON.stringify({ images: NAMES.map((name) => file(name).toString('base64')) });
    assert.deepEqual((await ask(app, json, 'application/json; charset=utf-8', query)).body.predictions, answers);
  });

  test('have the defaults of the server', async () => {
    const app = await serverOf({}, { topK: 1, views: 2, unsureBelow: 1 });
    const { body } = await ask(app, file('small.png'), 'image/png');
    const [{ top, views, unsure }] = body.predictions;
    assert.deepEqual([top.length, views, unsure], [1, 2, true]);
  });

  test('are given although other images of the request cannot be read', async () => {
    const app = await serverOf();
    const { status, body } = await ask(app, form([file('small.png'), Buffer.from('no image')]), FORM);
    assert.deepEqual([status, typeof body.predictions[0].label], [200, 'string']);
    assert.deepEqual(Object.keys(body.predictions[1]), ['error']);
    assert.match(body.predictions[1].error, /^The image cannot be read: it is not a JPEG/);
  });
});

describe('refused by one sentence is', () => {
  let app: FastifyInstance;
  before(async () => {
    app = await serverOf({ bodyBytes: 60_000, images: 3, pixels: 100_000 });
  });

  test('a body that is too large, whatever its form', async () => {
    const large = Buffer.alloc(60_001);
    const sentence = /^The body may have 0\.06 MB; send smaller or fewer images\.$/;
    for (const type of ['image/jpeg', 'application/json', FORM]) await refused(app, large, type, sentence, 413);
    // Without a length nobody knows before.
    const headers = { 'content-type': FORM };
    const files = form([Buffer.alloc(35_000), Buffer.alloc(35_000)]);
    const { statusCode } = await app.inject({
      method: 'POST',
      url: '/v1/predict',
      headers: { ...headers, 'transfer-encoding': 'chunked' },
      payload: Readable.from([files]),
    });
    assert.equal(statusCode, 413);
  });

  test('another type of body', async () => {
    await refused(app, 'x', 'text/plain', /^The body must be an image/, 415);
    await refused(app, 'x', 'nonsense', /^The body must be an image/, 415);
    const none = await app.inject({ method: 'POST', url: '/v1/predict' });
    assert.equal(none.statusCode, 415);
  });

  test('what is no image, or has too many pixels', async () => {
    await refused(app, '<html>', 'image/jpeg', /^The image cannot be read: it is a web page \(HTML\)/);
    await refused(app, file('portrait.jpg').subarray(0, 400), 'image/jpeg', /^The image cannot be read: /);
    const create = { width: 400, height: 251, channels: 3 as const, background: '#000' };
    const png = await sharp({ create }).png().toBuffer();
    await refused(app, png, 'image/png', /^The image has 400 x 251 pixels; the limit is 0\.1 million/);
  });

  test('a form without files, with fields, or cut short', async () => {
    await refused(app, form([]), FORM, /^images must NOT have fewer than 1 items\.$/);
    await refused(app, form([file('grey.jpg')]).subarray(0, 300), FORM, /^The form cannot be read: /, 400);
    await refused(app, 'x', 'multipart/form-data', /^The form cannot be read: .*[Bb]oundary/, 400);
    const field = '--b\r\nContent-Disposition: form-data; name="topK"\r\n\r\n3\r\n--b--\r\n';
    await refused(app, field, FORM, /^The form may only have files/);
  });

  test('a form whose part has a damaged header, for whose end its parser waits for ever', async () => {
    const endless = form([await sharp(file('landscape.jpg')).resize(400).png().toBuffer()]);
    endless.fill(0, 12, 24);
    const server = await serverOf();
    await refused(server, endless, FORM, /^The form cannot be read: a part of it does not end\.$/, 400);
  });

  test('too many images', async () => {
    const small = Array.from({ length: 4 }, () => Buffer.from('x'));
    await refused(app, form(small), FORM, /images must NOT have more than 3 items/);
    await refused(app, form([...small, ...small]), FORM, /^A request may have 3 images/);
    const json = JSON.stringify({ images: ['eA==', 'eA==', 'eA==', 'eA=='] });
    await refused(app, json, 'application/json', /images must NOT have more than 3 items/);
  });

  test('malformed JSON, and options that do not exist', async () => {
    await refused(app, '{', 'application/json', /^The body is not valid JSON\.$/, 400);
    await refused(app, '', 'application/json', /^The body is empty/, 400);
    await refused(app, '{"images":["%"]}', 'application/json', /^Image 1 is not in base64\.$/);
    await refused(app, '{"images":["eA=="],"topk":1}', 'application/json', /additional properties \(topk\)/);
    await refused(
      app,
      'x',
      'image/png',
      /^views must be equal to one of the allowed values \(1,2,4\)\.$/,
      422,
      '?views=3',
    );
    await refused(app, 'x', 'image/png', /^topK must be >= 1\.$/, 422, '?topK=0');
    await refused(app, 'x', 'image/png', /additional properties \(k\)/, 422, '?k=1');
  });
});

describe('a server that is busy', () => {
  /** A model that predicts when told to. */
  function slowModel() {
    const waiting: (() => void)[] = [];
    const slow: NodeModel = Object.create(model, {
      predict: {
        value: async (...args: Parameters<NodeModel['predict']>) => {
          await new Promise<void>((resolve) => waiting.push(resolve));
          return model.predict(...args);
        },
      },
    });
    return { slow, waiting };
  }
  const began = async (waiting: readonly unknown[], count: number): Promise<void> => {
    while (waiting.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
  };

  test('answers 429 to a client with too many images in work, and 503 if all are too many', async () => {
    const { slow, waiting } = slowModel();
    const app = await serverOf(
      { clientQueue: 2, queue: 3 },
      { model: slow, server: { fastify: { trustProxy: true } } },
    );
    const from = (ip: string, count: number) =>
      app.inject({
        method: 'POST',
        url: '/v1/predict',
        headers: { 'content-type': FORM, 'x-forwarded-for': ip },
        payload: form(Array.from({ length: count }, () => file('small.png'))),
      });
    const first = from('192.0.2.1', 2);
    await began(waiting, 2);
    const again = await from('192.0.2.1', 1);
    assert.deepEqual([again.statusCode, again.headers['retry-after']], [429, '1']);
    assert.match(again.json().detail, /^One client may have 2 images in work/);
    assert.equal((await from('192.0.2.2', 2)).statusCode, 503);
    for (const go of waiting) go();
    assert.equal((await first).statusCode, 200);
    const later = from('192.0.2.2', 2);
    await began(waiting, 4);
    for (const go of waiting) go();
    assert.equal((await later).statusCode, 200);
  });

  test('lets a request of one image pass one of many', async () => {
    const { slow, waiting } = slowModel();
    const app = await serverOf({}, { model: slow, parallel: 1 });
    const ended: string[] = [];
    const many = ask(app, form(Array.from({ length: 5 }, () => file('small.png'))), FORM).then(() =>
      ended.push('many'),
    );
    await began(waiting, 1);
    const one = ask(app, file('small.png'), 'image/png').then(() => ended.push('one'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (let i = 1; i <= 6; i++) {
      await began(waiting, i);
      waiting[i - 1]!();
    }
    await Promise.all([many, one]);
    assert.deepEqual(ended, ['one', 'many']);
  });

  test('answers 503 after the time limit, and does not begin the images that still wait', async () => {
    const { slow, waiting } = slowModel();
    const app = await serverOf({ seconds: 0.05 }, { model: slow, parallel: 1 });
    const { status, body } = await ask(app, form([file('small.png'), file('small.png')]), FORM);
    assert.deepEqual([status, body.detail], [503, 'The prediction was not done within 0.05 seconds; try again later.']);
    waiting[0]!();
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(waiting.length, 1);
  });

  test('forgets the images of a client that has left', async () => {
    const { slow, waiting } = slowModel();
    const app = await serverOf({}, { model: slow, parallel: 1 });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    const body = form([file('small.png'), file('small.png')]);
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${FORM}\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    socket.write(body);
    await began(waiting, 1);
    socket.destroy();
    const sizeOf = async () => Number(/^evenhand_images_in_work (\d+)$/m.exec((await app.inject('/metrics')).body)![1]);
    while ((await sizeOf()) !== 1) await new Promise((resolve) => setTimeout(resolve, 1));
    waiting[0]!();
    while ((await sizeOf()) !== 0) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(waiting.length, 1);
    await app.close();
  });

  test('refuses bodies before they are read if all together are too large', async () => {
    const { slow, waiting } = slowModel();
    const bytes = file('small.png');
    const app = await serverOf({ allBodyBytes: 1.5 * bytes.length }, { model: slow });
    const first = ask(app, bytes, 'image/png');
    await began(waiting, 1);
    assert.equal((await ask(app, bytes, 'image/png')).status, 503);
    waiting[0]!();
    assert.equal((await first).status, 200);
  });
});

describe('a model that fails', () => {
  const failing = (error: Error): NodeModel =>
    Object.create(model, { predict: { value: () => Promise.reject(error) } });

  test('is answered by 500 without its words, which may name files, and the server is unhealthy', async () => {
    const app = await serverOf({}, { model: failing(new Error('/secret/model.onnx: the worker ended.')) });
    assert.equal((await app.inject('/healthz')).statusCode, 200);
    await refused(app, file('small.png'), 'image/png', /^The model failed on this image\.$/, 500);
    assert.equal((await app.inject('/healthz')).statusCode, 503);
  });
});

test('the model is described without its paths', async () => {
  const app = await serverOf();
  const { body } = await app.inject('/v1/model');
  const facts = JSON.parse(body);
  assert.deepEqual(facts.classes, ['blue', 'green', 'red']);
  assert.deepEqual([facts.imageSize, facts.decision.rule, facts.limits.images], [8, 'tuned for Macro F1', 64]);
  assert.ok(!body.includes(golden('')));
});

test('/openapi.json describes every route of the API, from the schemas that validate', async () => {
  const app = await serverOf({ images: 7 });
  const { openapi, paths } = (await app.inject('/openapi.json')).json();
  assert.equal(openapi, '3.1.0');
  assert.deepEqual(Object.keys(paths).sort(), ['/healthz', '/v1/explain', '/v1/model', '/v1/predict']);
  const { requestBody, parameters, responses } = paths['/v1/predict'].post;
  assert.equal(requestBody.content['application/json'].schema.properties.images.maxItems, 7);
  assert.ok('multipart/form-data' in requestBody.content && 'image/jpeg' in requestBody.content);
  assert.deepEqual(parameters.map(({ name }: { name: string }) => name).sort(), ['topK', 'views']);
  assert.deepEqual(Object.keys(responses), ['200', '400', '401', '413', '415', '422', '429', '500', '503']);
});

test('/metrics counts images and requests', async () => {
  const app = await serverOf();
  await ask(app, form([file('small.png'), Buffer.from('x')]), FORM);
  const { body, headers } = await app.inject('/metrics');
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
  assert.match(body, /^evenhand_images_total\{outcome="predicted"\} 1$/m);
  assert.match(body, /^evenhand_images_total\{outcome="unreadable"\} 1$/m);
  assert.match(body, /http_request_duration_seconds_count\{method="POST",route="\/v1\/predict",status="200"\} 1/);
});

test('a server for other machines wants the token for everything but its health', async () => {
  const token = 'a-token-of-the-test';
  const app = await serverOf({}, { server: { host: '0.0.0.0', token } });
  const statusOf = async (url: string, headers = {}) => (await app.inject({ url, headers })).statusCode;
  assert.equal(await statusOf('/healthz'), 200);
  for (const url of ['/v1/model', '/metrics', '/openapi.json']) {
    assert.equal(await statusOf(url), 401);
    assert.equal(await statusOf(url, { authorization: `Bearer ${token}` }), 200);
  }
  await refused(app, file('small.png'), 'image/png', /token/, 401);
  const other = { authorization: `Bearer ${token}`, origin: 'http://evil.example', host: 'localhost' };
  assert.equal((await app.inject({ method: 'POST', url: '/v1/predict', headers: other })).statusCode, 403);
  const foreign = await app.inject({ method: 'POST', url: '/v1/predict', headers: { host: 'evil.example' } });
  assert.deepEqual([foreign.statusCode, foreign.json().status], [421, 421]);
});
