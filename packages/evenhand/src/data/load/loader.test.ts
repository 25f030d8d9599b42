import assert from 'node:assert/strict';
import {
  copyFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { decode, ImageError, type Preset, preprocess } from '@evenhand/predict';
import sharp from 'sharp';
import { Random } from '../../random.js';
import { DataError } from '../errors.js';
import type { Sample } from '../read/formats.js';
import { FileCache, MemoryCache } from '../records/caches.js';
import { type Batch, Loader, type LoaderOptions, type PassOptions } from './loader.js';

const preset: Preset = { resize: 40, crop: 32, interpolation: 'bilinear', mean: [0.5, 0.5, 0.5], std: [1, 1, 1] };
const augment = { horizontalFlip: 0.5, colorJitter: { brightness: 0.2, hue: 0.1 }, rotation: 15, erasing: 0.3 };
const ORDER = Int32Array.from({ length: 23 }, (_, i) => (i * 7) % 10);

let root = '';
const samples: Sample[] = [];
before(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'evenhand-loader-'));
  for (let i = 0; i < 10; i++) {
    const random = new Random(i);
    const data = Uint8Array.from({ length: 8 * 6 * 3 }, () => random.int(256));
    const file = path.join(root, `${i}.jpg`);
    await sharp(data, { raw: { width: 8, height: 6, channels: 3 } })
      .resize(80, 60)
      .toFile(file);
    samples.push({ file, label: i % 3 });
  }
});
after(() => rm(root, { recursive: true }));

async function all(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const list: Batch[] = [];
  for await (const batch of batches) list.push({ ...batch, pixels: batch.pixels.slice() });
  return list;
}

/** All batches of one pass. */
async function load(options: Partial<LoaderOptions>, pass: PassOptions = {}, order = ORDER): Promise<Batch[]> {
  const loader = new Loader({ samples, batchSize: 4, preset, seed: 5, workers: 1, ...options });
  try {
    return await all(loader.batches(order, pass));
  } finally {
    await loader.close();
  }
}

describe('Loader', () => {
  it('yields evaluation pixels, labels and indices in order, with a shorter last batch', async () => {
    const batches = await load({ workers: 2 });
    assert.deepEqual(batches.map(({ indices }) => indices.length), [4, 4, 4, 4, 4, 3]); // biome-ignore format: one line
    assert.deepEqual(batches.flatMap(({ indices }) => [...indices]), [...ORDER]); // biome-ignore format: one line
    for (const { pixels, labels, indices } of batches) {
      assert.equal(pixels.length, indices.length * 32 * 32 * 3);
      for (const [i, index] of indices.entries()) {
        assert.equal(labels[i], samples[index]!.label);
        const expected = preprocess(await decode(samples[index]!.file), preset);
        assert.deepEqual(pixels.subarray(i * 3072, (i + 1) * 3072), expected);
      }
    }
  });

  it('divides each batch into parts that together are the batch, pixel for pixel', async () => {
    const whole = await load({ augment }, { epoch: 2, startBatch: 1 });
    const parts = await Promise.all(
      [0, 1, 2, 3].map((index) => load({ augment, part: { index, count: 4 } }, { epoch: 2, startBatch: 1 })),
    );
    assert.deepEqual(parts.map((batches) => batches.length), [4, 5, 5, 5]); // biome-ignore format: one line
    // The last batch has three samples, so the first part of it is empty.
    for (const [b, { pixels, indices }] of whole.entries()) {
      const pieces = parts.flatMap((batches) => batches[b] ?? []);
      assert.deepEqual(pieces.flatMap((piece) => [...piece.indices]), [...indices]); // biome-ignore format: one line
      assert.deepEqual(Buffer.concat(pieces.map((piece) => piece.pixels)), Buffer.from(pixels));
    }
    assert.throws(
      () => new Loader({ samples, batchSize: 4, preset, part: { index: 0, count: 3 } }),
      /multiple of the 3/,
    );
  });

  it('yields the same batches for any number of workers and prefetched batches', async () => {
    const one = await load({ augment, prefetch: 1 }, { epoch: 2 });
    assert.deepEqual(await load({ augment, workers: 3, prefetch: 2 }, { epoch: 2 }), one);
    assert.deepEqual(await load({ augment, workers: 2, prefetch: 9 }, { epoch: 2 }), one);
    // A sample that occurs twice in an epoch is augmented differently each time.
    assert.equal(one[0]!.indices[0], one[2]!.indices[2]);
    assert.notDeepEqual(one[0]!.pixels.subarray(0, 3072), one[2]!.pixels.subarray(2 * 3072, 3 * 3072));
  });

  it('augments images differently in each epoch and with each seed', async () => {
    const loader = new Loader({ samples, batchSize: 4, preset, augment, seed: 5, workers: 1 });
    const [first] = await all(loader.batches(ORDER, { epoch: 2 }));
    const [otherEpoch] = await all(loader.batches(ORDER, { epoch: 3 }));
    await loader.close();
    const [otherSeed] = await load({ augment, seed: 6 }, { epoch: 2 });
    assert.notDeepEqual(otherEpoch!.pixels, first!.pixels);
    assert.notDeepEqual(otherSeed!.pixels, first!.pixels);
  });

  it('resumes within a pass with exactly the batches that were left', async () => {
    const loader = new Loader({ samples, batchSize: 4, preset, augment, seed: 5, workers: 1 });
    const whole = await all(loader.batches(ORDER, { epoch: 1 }));
    assert.deepEqual(await all(loader.batches(ORDER, { epoch: 1, startBatch: 4 })), whole.slice(4));
    assert.deepEqual(await all(loader.batches(ORDER, { epoch: 1, startBatch: 6 })), []);
    await loader.close();
  });

  it('drops an incomplete batch on request', async () => {
    assert.equal((await load({}, { dropLast: true })).length, 5);
    assert.equal((await load({ batchSize: 23 }, { dropLast: true })).length, 1);
    assert.equal((await load({ batchSize: 24 }, { dropLast: true })).length, 0);
  });

  it('runs one pass after another, also after one that was stopped early', async () => {
    const loader = new Loader({ samples, batchSize: 4, preset, augment, seed: 5, workers: 2 });
    const whole = await all(loader.batches(ORDER));
    for await (const { indices } of loader.batches(ORDER, { epoch: 9 })) {
      assert.equal(indices.length, 4);
      break;
    }
    assert.deepEqual(await all(loader.batches(ORDER)), whole);
    assert.equal((await all(loader.batches())).length, 3, 'all samples by default');
    await loader.close();
    assert.deepEqual(await all(loader.batches(ORDER)), whole, 'also after it was closed');
    await loader.close();
  });

  it('loads batches while the main thread is busy, as it is in a training step', async () => {
    const files = samples.map(({ label }, i) => ({ file: path.join(root, `gone-${i}.jpg`), label }));
    for (const [i, { file }] of files.entries()) copyFileSync(samples[i]!.file, file);
    const loader = new Loader({ samples: files, batchSize: 4, preset, workers: 1, prefetch: 3 });
    const pass = loader.batches(ORDER);
    await pass.next();
    const until = Date.now() + 1500;
    while (Date.now() < until);
    // These batches were loaded while the main thread was busy.
    for (const { file } of files) rmSync(file);
    for (let i = 1; i <= 3; i++) assert.equal((await pass.next()).value?.indices.length, 4);
    await assert.rejects(pass.next(), ImageError);
    await loader.close();
  });

  it('ends the pass with an error that names the unreadable file', async () => {
    const broken = path.join(root, 'broken.jpg');
    await writeFile(broken, '<html>');
    const bad = [...samples.slice(0, 6), { file: broken, label: 0 }, ...samples.slice(7)];
    for (const options of [{}, { augment }]) {
      await assert.rejects(load({ samples: bad, ...options }, {}, new Int32Array([1, 2, 3, 4, 5, 6])), (error) => {
        assert.ok(error instanceof ImageError, String(error));
        assert.equal(error.file, broken);
        assert.match(error.message, /broken\.jpg: it is a web page/);
        return true;
      });
    }
  });

  it('yields the same pixels without a cache and with one that is new, filled, damaged or in memory', async () => {
    const folder = path.join(root, 'cache');
    const files = () => new FileCache({ folder, writable: true, hashOf: () => undefined, onFailure: assert.fail });
    const expected = await load({ augment }, { epoch: 3 });
    const loader = new Loader({ samples, batchSize: 4, preset, augment, seed: 5, workers: 2, cache: files() });
    assert.deepEqual(await all(loader.batches(ORDER, { epoch: 3 })), expected, 'new');
    const records = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.rgb'));
    assert.equal(records.length, 10, 'one record per image');
    for (const [i, name] of records.entries()) {
      const file = path.join(folder, name);
      if (i % 3 === 0) truncateSync(file, 1000);
      else if (i % 3 === 1) writeFileSync(file, readFileSync(file).fill(0, 2000, 3000));
      utimesSync(file, 1, 1);
    }
    assert.deepEqual(await all(loader.batches(ORDER, { epoch: 3 })), expected, 'damaged');
    await loader.close();
    for (const name of records) assert.ok(statSync(path.join(folder, name)).size > 1000, 'replaced');
    for (const cache of [files(), new MemoryCache()]) {
      const other = new Loader({ samples, batchSize: 4, preset, augment, seed: 5, workers: 1, cache });
      for (let pass = 0; pass < 2; pass++) assert.deepEqual(await all(other.batches(ORDER, { epoch: 3 })), expected);
      await other.close();
    }
  });

  it('decodes no image of which it has a record', async () => {
    const files = samples.map(({ label }, i) => ({ file: path.join(root, `cached-${i}.jpg`), label }));
    for (const [i, { file }] of files.entries()) copyFileSync(samples[i]!.file, file);
    const loader = new Loader({ samples: files, batchSize: 4, preset, workers: 1, cache: new MemoryCache() });
    const first = await all(loader.batches(ORDER));
    for (const { file } of files) rmSync(file);
    assert.deepEqual(await all(loader.batches(ORDER)), first);
    await loader.close();
  });

  it('refuses invalid options', async () => {
    assert.throws(() => new Loader({ samples: [], batchSize: 4, preset }), DataError);
    assert.throws(() => new Loader({ samples, batchSize: 0, preset }), /batchSize is 0/);
    await assert.rejects(load({}, {}, new Int32Array([10])), /no sample 10/);
  });
});
