import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { TorchError } from './errors.js';
import { type Augmentation, augmentImage, type ImageOperation } from './image.js';

const image = { width: 5, height: 4, data: Uint8Array.from({ length: 60 }, (_, i) => (i * 37) % 256) };
const box = { left: 0, top: 0, width: 5, height: 4 };
const plain: Augmentation = { box, size: 3, filter: 'bilinear' };

// The first test, so that nothing has called the addon. Values are compared with torchvision in evenhand's data/augment.
test('the addon is loaded by the first call, not by the import', () => {
  const loaded = (): boolean =>
    Object.keys(createRequire(import.meta.url).cache).some((file) => file.endsWith('.node'));
  assert.equal(loaded(), false);
  augmentImage(image, plain);
  assert.equal(loaded(), true);
});

describe('an argument that does not fit is a TorchError, and nothing is read or written', () => {
  const out = new Uint8Array(27);
  const refused = (message: RegExp, call: () => unknown): void => {
    assert.throws(call, (error: TorchError) => {
      assert.ok(error instanceof TorchError);
      assert.equal(error.code, 'TORCH_BAD_ARGUMENT');
      assert.match(error.message, message);
      return true;
    });
    assert.deepEqual(out, new Uint8Array(27));
  };
  const changed = (changes: object): Augmentation => ({ ...plain, ...changes });
  // biome-ignore format: one line a case
  const cases: [name: string, message: RegExp, call: () => unknown][] = [
    ['data too short', /data must have 60 bytes, got 59/, () => augmentImage({ ...image, data: image.data.subarray(1) }, plain, out)],
    ['data of another type', /data must be a Uint8Array/, () => augmentImage({ ...image, data: new Float32Array(60) as never }, plain, out)],
    ['no data', /data must be a Uint8Array, got undefined/, () => augmentImage({ width: 5, height: 4 } as never, plain, out)],
    ['a negative side', /width must be a whole number from 1 .*, got -5/, () => augmentImage({ ...image, width: -5, height: -4 }, plain, out)],
    ['out too short', /out must have 27 bytes, got 26/, () => augmentImage(image, plain, out.subarray(1))],
    ['a size of 0', /size must be a whole number from 1 to 10000, got 0/, () => augmentImage(image, changed({ size: 0 }), out)],
    ['a size too large', /got 100000/, () => augmentImage(image, changed({ size: 100_000 }), out)],
    ['another filter', /filter must be bilinear or bicubic, got the string "lanczos"/, () => augmentImage(image, changed({ filter: 'lanczos' }), out)],
    ['a flip that is no boolean', /flipVertically must be true or false, got 1/, () => augmentImage(image, changed({ flipVertically: 1 }), out)],
  ];
  for (const [name, message, call] of cases) it(name, () => refused(message, call));

  for (const change of [
    { left: 1 },
    { left: -0.5 },
    { top: 0.001 },
    { width: 0 },
    { height: 1e-9 },
    { top: Number.NaN },
    { left: 1e300 },
  ]) {
    it(`box with ${JSON.stringify(change)}`, () => {
      refused(/box must lie in the image of 5 x 4 pixels|box\.top must be a finite number/, () =>
        augmentImage(image, changed({ box: { ...box, ...change } }), out),
      );
    });
  }

  const operations: [operation: readonly unknown[], message: RegExp][] = [
    [['blur', 1], /no operation -1/],
    [['hue', Number.NaN], /must be finite numbers, got nan/],
    [['hue', 0.51], /from -0\.5 to 0\.5 turns, got 0\.51/],
    [['brightness', Number.POSITIVE_INFINITY], /got inf/],
    [['posterize', 9], /keeps 0 to 8 bits, got 9/],
    [['posterize', 1.5], /keeps 0 to 8 bits, got 1\.5/],
    [['affine', 32_000, 0, 0, 0, 1, 0], /further than 32767 pixels/],
    [['erase', 0, 1, 3, 3, 0, 0, 0], /box to erase must .* 3 x 3 pixels, got 3 x 3 pixels at \(0, 1\)/],
    [['erase', -1, 0, 2, 2, 0, 0, 0], /at \(-1, 0\)/],
    [['erase', 0, 0, 1.5, 1, 0, 0, 0], /whole numbers/],
    [['erase', 0, 0, 1, 1, 0, 256, 0], /colour of erase .*, got 256/],
  ];
  for (const [operation, message] of operations) {
    it(`the operation ${operation.join(' ')}`, () => {
      refused(message, () =>
        augmentImage(image, changed({ operations: [operation as unknown as ImageOperation] }), out),
      );
    });
  }
});

test('any factor is allowed', () => {
  const bright = augmentImage(image, { ...plain, operations: [['brightness', 1e30]] });
  assert.deepEqual(
    bright,
    augmentImage(image, plain).map((value) => (value > 0 ? 255 : 0)),
  );
});

test('a box scaled to another size of the image may be a rounding error outside', () => {
  const whole = augmentImage(image, plain);
  assert.deepEqual(
    augmentImage(image, { ...plain, box: { left: -1e-13, top: 0, width: 5 + 1e-12, height: 4 } }),
    whole,
  );
});

const work = `
  const { parentPort, workerData } = require('node:worker_threads');
  import(workerData.entryPoint).then(({ augmentImage }) => {
    const { image, plain, shared } = workerData;
    try {
      augmentImage(image, { ...plain, size: 0 });
    } catch (error) {
      parentPort.postMessage(error.name + ' ' + error.code);
    }
    for (;;) {
      augmentImage(image, plain, new Uint8Array(shared));
      if (!workerData.endless) break;
    }
  });
`;

test('workers write into shared memory, and can be terminated within a call', async () => {
  const expected = augmentImage(image, { ...plain, size: 64 });
  const started = [true, false, true, false].map((endless) => {
    const shared = new SharedArrayBuffer(expected.length);
    const entryPoint = new URL('./image.js', import.meta.url).href;
    const workerData = { entryPoint, image, plain: { ...plain, size: 64 }, shared, endless };
    const worker = new Worker(work, { eval: true, workerData });
    const message = new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    return { worker, endless, shared, message, ended };
  });
  for (const { worker, endless, shared, message, ended } of started) {
    assert.equal(await message, 'TorchError TORCH_BAD_ARGUMENT');
    if (endless) await worker.terminate();
    assert.equal(await ended, endless ? 1 : 0);
    if (!endless) assert.deepEqual(new Uint8Array(shared), expected);
  }
});
