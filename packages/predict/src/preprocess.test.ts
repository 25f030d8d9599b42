import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decode } from './decode.js';
import { preprocess, resizedSize } from './preprocess.js';
import { type CropMode, IMAGENET_MEAN, type Interpolation } from './preset.js';
import { resample } from './resample.js';

const golden = (name: string): string => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
const cases = JSON.parse(readFileSync(golden('cases.json'), 'utf8')) as {
  image: string;
  interpolation: Interpolation;
  cropMode?: CropMode;
  mean?: [number, number, number];
  resize: number;
  crop: number;
  expected: string;
}[];

describe("preprocess equals torchvision's Resize and CenterCrop, and timm's evaluation transforms", () => {
  for (const { image, expected, mean = IMAGENET_MEAN, ...geometry } of cases) {
    const { interpolation, resize, crop, cropMode = 'center' } = geometry;
    it(`${image}, ${interpolation}, ${resize}, ${crop}, ${cropMode}`, async () => {
      const out = preprocess(await decode(golden(image)), { ...geometry, mean });
      const reference = await decode(golden(expected));
      assert.deepEqual([reference.width, reference.height], [crop, crop]);
      const difference = meanAbsoluteDifference(out, reference.data);
      // A PNG decodes to the same pixels everywhere; JPEG decoders may differ by one in a value.
      assert.ok(difference < (image.endsWith('.png') ? 1e-9 : 1), `mean absolute difference ${difference} of 255`);
    });
  }
});

/** Prints the photos named after the first argument as torchvision's evaluation pipeline makes them, raw. */
const TORCHVISION = `
import sys
from PIL import Image
from torchvision import transforms as T
t = T.Compose([T.Resize(256, T.InterpolationMode(sys.argv[1])), T.CenterCrop(224)])
for f in sys.argv[2:]:
    sys.stdout.buffer.write(t(Image.open(f).convert("RGB")).tobytes())
`;
const photos = fileURLToPath(new URL('../../../../shared/data/flowers/devtest/images', import.meta.url));
const python = spawnSync('/usr/bin/python3', ['-c', 'import torchvision, PIL']).status === 0;
const skip = existsSync(photos) ? (python ? false : 'no Python with torchvision here') : 'no flower photos here';

describe('preprocess of real photos', { skip }, () => {
  for (const interpolation of ['bilinear', 'bicubic'] as const) {
    it(`is within 1/255 of torchvision's, ${interpolation}`, async () => {
      const files = readdirSync(photos).slice(0, 6).map((name) => path.join(photos, name)); // biome-ignore format: one line
      const { stdout } = spawnSync('/usr/bin/python3', ['-c', TORCHVISION, interpolation, ...files], {
        maxBuffer: 2 ** 24,
      });
      const size = 224 * 224 * 3;
      for (const [i, file] of files.entries()) {
        const out = preprocess(await decode(file), {
          resize: 256,
          crop: 224,
          interpolation,
          mean: IMAGENET_MEAN,
        });
        const difference = meanAbsoluteDifference(out, stdout.subarray(i * size, (i + 1) * size));
        assert.ok(difference < 1, `${file}: mean absolute difference ${difference} of 255`);
      }
    });
  }
});

describe('preprocess with a border', () => {
  it('keeps a pixel of an extremely long image', () => {
    const line = { width: 1, height: 500, data: new Uint8Array(1500).fill(255) };
    const out = preprocess(line, {
      resize: 8,
      crop: 8,
      cropMode: 'border',
      interpolation: 'bilinear',
      mean: [0, 0, 0],
    });
    const row = Uint8Array.from({ length: 24 }, (_, i) => (i >= 9 && i < 12 ? 255 : 0));
    assert.deepEqual(
      out,
      Uint8Array.from({ length: 192 }, (_, i) => row[i % 24]!),
    );
  });
});

describe('resizedSize', () => {
  it('rounds the longer side down, as torchvision does', () => {
    assert.deepEqual(resizedSize({ width: 667, height: 500 }, 256), { width: 341, height: 256 });
    assert.deepEqual(resizedSize({ width: 500, height: 667 }, 256), { width: 256, height: 341 });
    assert.deepEqual(resizedSize({ width: 7, height: 7 }, 256), { width: 256, height: 256 });
  });
});

describe('resample', () => {
  const image = {
    width: 40,
    height: 30,
    data: new Uint8Array(40 * 30 * 3).map((_, i) => (i * 89 + (i >> 4) * 31) & 255),
  };

  it('gives in a window what the whole result has there', () => {
    const whole = resample(image, 25, 21, 'bicubic');
    const window = { left: 3, top: 5, width: 11, height: 9 };
    const cut = resample(image, 25, 21, 'bicubic', { window });
    for (let y = 0; y < 9; y++) {
      for (let x = 0; x < 11; x++) {
        const expected = whole.subarray(((y + 5) * 25 + x + 3) * 3, ((y + 5) * 25 + x + 4) * 3);
        assert.deepEqual(cut.subarray((y * 11 + x) * 3, (y * 11 + x + 1) * 3), expected);
      }
    }
  });

  it('takes nothing from outside the source box: as if it had been cropped first', () => {
    const source = { left: 6, top: 4, width: 20, height: 17 };
    const cropped = new Uint8Array(20 * 17 * 3);
    for (let y = 0; y < 17; y++) {
      cropped.set(image.data.subarray(((y + 4) * 40 + 6) * 3, ((y + 4) * 40 + 26) * 3), y * 20 * 3);
    }
    for (const size of [8, 50]) {
      const expected = resample({ width: 20, height: 17, data: cropped }, size, size, 'bilinear');
      assert.deepEqual(resample(image, size, size, 'bilinear', { source }), expected);
    }
  });
});

function meanAbsoluteDifference(a: Uint8Array, b: Uint8Array): number {
  assert.equal(a.length, b.length);
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
}
