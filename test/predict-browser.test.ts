/// <reference lib="dom" />
// The same model file in a real browser and in Node gives the same predictions.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, dirname, extname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { load, MOST_PROBABLE, metadataEntries, type Preset } from '@evenhand/predict';
import { nn } from '@evenhand/torch';
import { build } from 'esbuild';
import { createModel, exportOnnx } from 'evenhand';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { launch, noBrowser } from './browser.js';
import { succeed, temporaryFolder } from './support.js';
import { copyTrainedRun } from './trained-run.js';

const FLOWERS = fileURLToPath(new URL('../../../shared/data/flowers', import.meta.url));
const WEIGHTS = fileURLToPath(
  new URL('../../../shared/data/weights/mobilenet_v2.imagenet-features.pth', import.meta.url),
);
const WASM = dirname(fileURLToPath(import.meta.resolve('onnxruntime-web')));

const { path: folder, remove } = temporaryFolder();
let server: Server;
let browser: Browser;
let page: Page;

before(async () => {
  if (noBrowser) return;
  await build({
    stdin: { contents: "export * from '@evenhand/predict';", resolveDir: dirname(fileURLToPath(import.meta.url)) },
    outfile: join(folder, 'predict.js'),
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
  });
  symlinkSync(WASM, join(folder, 'wasm'));
  server = createServer((request, response) => {
    const path = decodeURIComponent(request.url!.split('?')[0]!);
    const types: Record<string, string> = {
      '.js': 'text/javascript',
      '.mjs': 'text/javascript',
      '.wasm': 'application/wasm',
    };
    if (path === '/') {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>evenhand</title>');
      return;
    }
    const file = join(folder, path);
    if (!existsSync(file)) response.statusCode = 404;
    response.setHeader('content-type', types[extname(file)] ?? 'application/octet-stream');
    response.end(existsSync(file) ? readFileSync(file) : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  browser = await launch();
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
});
after(async () => {
  await browser?.close();
  server?.close();
  remove();
});

interface Predicted {
  readonly label: string;
  readonly probability: number;
  readonly logits: readonly number[];
}

/** Loads the model in the page and predicts images given as files. */
async function inBrowser(model: string, files: readonly string[], tta = 'flip'): Promise<Predicted[]> {
  return page.evaluate(
    async ({ model, files, tta }) => {
      const { load } = await import(`${location.origin}/predict.js`);
      const loaded = await load(model, { device: 'cpu', wasmPaths: `${location.origin}/wasm/` });
      const predictions: Predicted[] = [];
      for (const file of files) {
        const image = new File([await (await fetch(file)).blob()], file);
        const { label, probability, logits } = await loaded.predict(image, { tta });
        predictions.push({ label, probability, logits: [...logits] });
      }
      await loaded.close();
      return predictions;
    },
    { model, files: [...files], tta },
  );
}

async function inNode(model: string, files: readonly string[], tta: 'none' | 'flip' = 'flip'): Promise<Predicted[]> {
  const loaded = await load(join(folder, model));
  const predictions = await loaded.predict(
    files.map((file) => join(folder, file)),
    { tta },
  );
  await loaded.close();
  return predictions.map(({ label, probability, logits }) => ({ label, probability, logits: [...logits] }));
}

/** Writes a model file of an architecture with made-up weights. */
function writeModel(file: string, architecture: string, args: Record<string, unknown>, preset: Preset): void {
  const classes = ['a', 'b', 'c'];
  const model = createModel({ architecture, args }, { numClasses: classes.length, imageSize: preset.crop, seed: 1 });
  for (const [key, value] of nn.stateDict(model)) {
    const inputs = value.shape.slice(1).reduce((a, b) => a * b, 1);
    // Initial values of heads, tokens and LayerScale would give nearly the same logits for all images.
    if (value.shape.length > 1) nn.init.normal_(value, 0, key.includes('pos_embed') ? 1 : 1 / Math.sqrt(inputs));
    else if (key.endsWith('gamma')) nn.init.constant_(value, 1);
  }
  const metadata = { version: '0', model: architecture, classes, preset, decision: MOST_PROBABLE };
  const unknown = { classCounts: null, config: null, dataFingerprint: null, validation: null };
  const entries = metadataEntries({ ...metadata, ...unknown });
  writeFileSync(file, exportOnnx(model, { size: preset.crop, metadata: entries, version: '0' }));
  nn.disposeModule(model);
}

function assertSame(a: readonly Predicted[], b: readonly Predicted[], files: readonly string[]): void {
  for (const [i, file] of files.entries()) {
    assert.equal(a[i]!.label, b[i]!.label, file);
    assert.ok(
      Math.abs(a[i]!.probability - b[i]!.probability) < 0.02,
      `${file}: ${a[i]!.probability} ${b[i]!.probability}`,
    );
  }
}

describe('in a headless Chromium', { skip: noBrowser }, () => {
  const images: string[] = [];

  before(async () => {
    await copyTrainedRun(folder, 'run');
    for (const label of ['red', 'green', 'blue']) {
      for (const name of readdirSync(join(folder, 'discs/val', label)).slice(0, 6))
        images.push(`discs/val/${label}/${name}`);
    }
    // Where decoders differ: a rotated photo, transparency, grey, 16 bits, another format.
    mkdirSync(join(folder, 'odd'));
    const disc = sharp(join(folder, 'discs/val/red/0.jpg')).resize(90, 60, { fit: 'fill' });
    await disc.clone().jpeg().withMetadata({ orientation: 6 }).toFile(join(folder, 'odd/turned.jpg'));
    await disc.clone().ensureAlpha(0.4).png().toFile(join(folder, 'odd/alpha.png'));
    await disc.clone().greyscale().jpeg().toFile(join(folder, 'odd/grey.jpg'));
    await disc.clone().webp({ lossless: true }).toFile(join(folder, 'odd/lossless.webp'));
    for (const name of readdirSync(join(folder, 'odd'))) images.push(`odd/${name}`);
  });

  test('a model predicts the same labels as in Node', async () => {
    assertSame(await inBrowser('run/model.onnx', images), await inNode('run/model.onnx', images), images);
  });

  test('the pixels are the same as in Node, bit for bit for lossless formats', async () => {
    const { decode } = await import('@evenhand/predict');
    for (const file of ['odd/alpha.png', 'odd/lossless.webp', 'odd/turned.jpg', 'odd/grey.jpg']) {
      const there: { width: number; height: number; data: number[] } = await page.evaluate(async (name) => {
        const { decode } = await import(`${location.origin}/predict.js`);
        const { width, height, data } = await decode(`${location.origin}/${name}`);
        return { width, height, data: Array.from(data as Uint8Array) };
      }, file);
      const here = await decode(join(folder, file));
      assert.deepEqual([there.width, there.height], [here.width, here.height], file);
      const difference =
        here.data.reduce((sum, value, i) => sum + Math.abs(value - there.data[i]!), 0) / here.data.length;
      // Partly transparent pixels are multiplied by their alpha and rounded in a browser.
      assert.ok(difference <= (file.endsWith('.webp') ? 0 : 1), `${file}: ${difference}`);
    }
  });

  const half = [0.5, 0.5, 0.5] as const;
  const architectures: [name: string, args: Record<string, unknown>, preset: Preset][] = [
    [
      'vit_small_patch14_reg4_dinov2',
      { depth: 2, embed_dim: 48, num_heads: 4 },
      { resize: 56, crop: 56, cropMode: 'squash', interpolation: 'bicubic', mean: half, std: half },
    ],
    [
      'convnextv2_atto',
      { depths: [1, 1, 1, 1], dims: [16, 24, 32, 40] },
      { resize: 70, crop: 64, cropMode: 'border', interpolation: 'bilinear', mean: half, std: half },
    ],
  ];
  for (const [name, args, preset] of architectures) {
    test(`${name}, preset ${preset.cropMode}: the same logits as in Node`, async () => {
      writeModel(join(folder, `${name}.onnx`), name, args, preset);
      // Both decode these to the same pixels.
      const files = ['lossless-0.webp', 'lossless-1.webp'];
      for (const [i, file] of files.entries()) {
        const disc = sharp(join(folder, 'discs/val', ['red', 'blue'][i]!, '0.jpg')).resize(90, 70 - 9 * i, {
          fit: 'fill',
        });
        await disc.webp({ lossless: true }).toFile(join(folder, file));
      }
      const [there, here] = [await inBrowser(`${name}.onnx`, files), await inNode(`${name}.onnx`, files)];
      const most = Math.max(...here.flatMap(({ logits }) => logits.map(Math.abs)));
      for (const [i, { logits }] of here.entries()) {
        for (const [k, logit] of logits.entries()) {
          const off = Math.abs(there[i]!.logits[k]! - logit);
          assert.ok(off <= 1e-4 * most, `${files[i]}: logit ${k} is ${there[i]!.logits[k]}, in Node ${logit}`);
        }
      }
      const differences = here[0]!.logits.map((logit, k) => Math.abs(logit - here[1]!.logits[k]!));
      assert.ok(Math.max(...differences) > 0.01 * most, `logits are too much alike: ${JSON.stringify(here)}`);
    });
  }

  test('an image may be a file, bytes, a URL, a canvas, an image, a bitmap or image data', async () => {
    const labels: string[] = await page.evaluate(async (name) => {
      const { load } = await import(`${location.origin}/predict.js`);
      const model = await load(`${location.origin}/run/model.onnx`, { wasmPaths: `${location.origin}/wasm/` });
      const blob = await (await fetch(name)).blob();
      const bitmap = await createImageBitmap(blob);
      const canvas = document.createElement('canvas');
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
      const context = canvas.getContext('2d')!;
      context.drawImage(bitmap, 0, 0);
      const image = new Image();
      image.src = name;
      await image.decode();
      const data = context.getImageData(0, 0, canvas.width, canvas.height);
      const bytes = new Uint8Array(await blob.arrayBuffer());
      const ways = [new File([blob], 'a.jpg'), bytes, bytes.buffer, name, canvas, image, bitmap, data];
      const predictions = [...(await model.predict(ways)), await model.predict(bitmap)];
      return predictions.map(({ label }: { label: string }) => label);
    }, `${'discs/val/blue/0.jpg'}`);
    assert.equal(labels.length, 9);
    const [node] = await inNode('run/model.onnx', ['discs/val/blue/0.jpg'], 'none');
    assert.deepEqual(
      labels,
      labels.map(() => node!.label),
    );
  });

  test('every error is one sentence', async () => {
    writeFileSync(join(folder, 'page.jpg'), '<!doctype html>');
    const messages: string[] = await page.evaluate(async () => {
      const { load } = await import(`${location.origin}/predict.js`);
      const wasmPaths = `${location.origin}/wasm/`;
      const model = await load('run/model.onnx', { wasmPaths });
      const failures = [
        () => load('missing.onnx', { wasmPaths }),
        () => load('page.jpg', { wasmPaths }),
        () => load('run/model.onnx', { wasmPaths, device: 'cuda' }),
        () => load('run/model.onnx', { wasmPaths, labels: ['one'] }),
        () => model.predict('page.jpg'),
        () => model.predict('missing.jpg'),
        () => model.predict(new File([], 'empty.jpg')),
      ];
      const messages: string[] = [];
      for (const failure of failures) {
        try {
          await failure();
          messages.push('nothing');
        } catch (error) {
          messages.push(`${(error as Error).name}: ${(error as Error).message}`);
        }
      }
      return messages;
    });
    const expected = [
      /^ModelError: missing\.onnx: it cannot be fetched: HTTP 404\.$/,
      /^ModelError: page\.jpg: it is not an ONNX file/,
      /^ModelError: .*the device cuda is not available in browsers/,
      /^ModelError: .*it has 3 classes, but 1 labels were given/,
      /^ImageError: page\.jpg: the browser cannot decode it/,
      /^ImageError: missing\.jpg: it cannot be fetched \(HTTP 404\)/,
      /^ImageError: empty\.jpg: the file is empty \(0 bytes\)/,
    ];
    for (const [i, pattern] of expected.entries()) assert.match(messages[i]!, pattern);
  });

  const noFlowers = [FLOWERS, WEIGHTS].find((place) => !existsSync(place));
  const skip = noFlowers === undefined ? false : `${noFlowers} does not exist`;
  test('a model of real photos predicts the same labels as in Node', { skip }, async () => {
    const rows = readFileSync(join(FLOWERS, 'train.csv'), 'utf8').trim().split('\n').slice(1);
    const some = rows.map((row) => row.split(',')).filter(([, , label]) => Number(label) <= 8);
    const table = some.map(([id, name, label]) => `${id},${name},${label}`);
    writeFileSync(join(folder, 'flowers.csv'), `image_id,filename,label\n${table.join('\n')}\n`);
    const images = join(FLOWERS, 'train/images');
    const args = [
      '--images',
      images,
      '--weights',
      WEIGHTS,
      '--val-fraction',
      '0.2',
      '--head-epochs',
      '1',
      '--epochs',
      '0',
    ];
    await succeed(['train', 'flowers.csv', '--run', 'flowers', '--model', 'mobilenet_v2', ...args], folder);
    symlinkSync(join(FLOWERS, 'val/images'), join(folder, 'photos'));
    const photos = readdirSync(join(folder, 'photos')).map((name) => `photos/${basename(name)}`);
    const [there, here] = [await inBrowser('flowers/model.onnx', photos), await inNode('flowers/model.onnx', photos)];
    assertSame(there, here, photos);
    assert.ok(new Set(here.map(({ label }) => label)).size > 3);
  });
});
