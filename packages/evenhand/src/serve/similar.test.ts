import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { load, type NodeModel } from '@evenhand/predict';
import sharp from 'sharp';
import { featureModel } from './feature-model.js';
import { createPredictionServer } from './index.js';
import { SimilarImages } from './similar.js';

const golden = (name: string): string => fileURLToPath(new URL(`../../../predict/golden/${name}`, import.meta.url));
const file = readFileSync(golden('tiny.onnx'));
const folder = mkdtempSync(join(tmpdir(), 'evenhand-similar-'));
after(() => rmSync(folder, { recursive: true }));

/** Pictures of one colour, by their labels. */
const colours = { red: '#f00', brick: '#c22', lime: '#0f0', forest: '#282', blue: '#00f' };
const images = Object.keys(colours).map((label) => ({ label, file: join(folder, `${label}.png`) }));

let model: NodeModel;
before(async () => {
  model = await load(golden('tiny.onnx'), { threads: 1 });
  for (const [label, background] of Object.entries(colours)) {
    const create = { width: 20, height: 10, channels: 3 as const, background };
    await sharp({ create })
      .png()
      .toFile(join(folder, `${label}.png`));
  }
});
after(() => model.close());

test('the model of the features gives the input of the last linear layer', async () => {
  const { bytes, features } = featureModel(file, 3)!;
  assert.equal(features, 3);
  const { preset } = model.metadata;
  const labels = ['r', 'g', 'b'];
  const pooled = await load(bytes, { threads: 1, labels, preset });
  // tiny.onnx is the mean over all positions and a linear layer.
  const { logits } = await pooled.predict(join(folder, 'red.png'));
  await pooled.close();
  const expected = [1, 0, 0].map((value, k) => (value - preset.mean[k]!) / preset.std[k]!);
  for (const [k, value] of expected.entries()) assert.ok(Math.abs(logits[k]! - value) < 1e-5, `${logits}`);
});

test('a file that is no model of one linear layer has no features', () => {
  assert.equal(featureModel(file, 4), undefined);
  assert.equal(featureModel(new Uint8Array(), 3), undefined);
});

describe('similar images', () => {
  const open = (list: typeof images) => SimilarImages.open(file, model.metadata, 'cpu', list);

  test('are the nearest ones first, of those that can be read', async () => {
    writeFileSync(join(folder, 'broken.png'), 'x');
    const list = [...images, { label: 'broken', file: join(folder, 'broken.png') }];
    const similar = (await open(list))!;
    await similar.index(() => true);
    assert.deepEqual([similar.done, similar.images.length], [6, 6]);
    const found = await similar.nearest(readFileSync(join(folder, 'red.png')), 5);
    assert.deepEqual(
      found.slice(0, 2).map(({ index }) => similar.images[index]!.label),
      ['red', 'brick'],
    );
    assert.ok(Math.abs(found[0]!.similarity - 1) < 1e-6 && found.length === 5);
    await similar.close();
  });

  test('wait for requests, and stop with the server', async () => {
    const similar = (await open(images))!;
    let asked = 0;
    const indexing = similar.index(() => ++asked > 2 && similar.done < 1);
    while (asked < 4) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(similar.done, 1);
    await similar.close();
    await indexing;
    assert.equal(similar.done, 1);
  });

  test('are not searched without images', async () => {
    assert.equal(await open([]), undefined);
  });
});

test('a server answers with similar images, their thumbnails, and an explanation', async () => {
  const similar = (await SimilarImages.open(file, model.metadata, 'cpu', images))!;
  await similar.index(() => true);
  const { app } = await createPredictionServer({ model, modelSha256: '', parallel: 2, similar });
  const post = async (url: string, name: string) => {
    const headers = { 'content-type': 'image/png' };
    return app.inject({ method: 'POST', url, headers, payload: readFileSync(join(folder, name)) });
  };
  const { compared, of, images: found } = (await post('/v1/similar', 'lime.png')).json();
  assert.deepEqual([compared, of, found.length], [5, 5, 5]);
  assert.deepEqual(
    found.slice(0, 2).map(({ label }: { label: string }) => label),
    ['lime', 'forest'],
  );
  const thumbnail = await app.inject(found[0].thumbnail);
  assert.equal((await sharp(thumbnail.rawPayload).metadata()).format, 'webp');
  assert.equal((await app.inject('/v1/similar/99')).statusCode, 404);
  assert.equal((await app.inject('/v1/similar/..%2fx')).statusCode, 422);

  const explained = (await post('/v1/explain', 'blue.png')).json();
  const { label, probability, cells, drops, box } = explained;
  assert.deepEqual([label, cells, drops.length], ['blue', 7, 49]);
  const { label: predicted, probability: expected } = await model.predict(join(folder, 'blue.png'));
  assert.deepEqual([label, probability], [predicted, expected]);
  assert.ok(
    drops.every((drop: number) => drop > 0),
    'all of a blue image makes it blue',
  );
  assert.deepEqual(box, { left: 0.25, top: 0, width: 0.5, height: 1 });

  for (const url of ['/v1/similar', '/v1/explain']) {
    const json = { images: ['eA==', 'eA=='] };
    assert.equal((await app.inject({ method: 'POST', url, payload: json })).statusCode, 422);
    assert.match((await post(url, 'broken.png')).json().detail, /^The image cannot be read: /);
  }
  const narrow = await sharp({ create: { width: 4000, height: 2, channels: 3, background: '#000' } })
    .png()
    .toBuffer();
  const headers = { 'content-type': 'image/png' };
  const refused = await app.inject({ method: 'POST', url: '/v1/explain', headers, payload: narrow });
  assert.deepEqual(
    [refused.statusCode, refused.json().detail],
    [422, 'The image of 4000 x 2 pixels is too narrow to be explained.'],
  );
  await app.close();
});
