import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp, { type Sharp } from 'sharp';
import { decode, decodeScaled } from './decode.js';
import type { Pixels, Size } from './image.js';
import { preprocess, scaledSize } from './preprocess.js';
import { IMAGENET_MEAN, type Interpolation } from './preset.js';
import { resample } from './resample.js';

/** A colourful image with details of a few pixels of the size to which the tests scale it. */
function textured(width: number, height: number, detail: number): Sharp {
  const raw = { width: Math.ceil(width / detail), height: Math.ceil(height / detail), channels: 3 } as const;
  const noise = Uint8Array.from({ length: raw.width * raw.height * 3 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24);
  return sharp(noise, { raw }).resize(width, height, { fit: 'fill', kernel: 'cubic' });
}

function difference(a: Uint8Array, b: Uint8Array): number {
  assert.equal(a.length, b.length);
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
}

const half = ({ width, height }: Size): Size => ({ width: Math.floor(width / 6), height: Math.floor(height / 6) });
const eighth = ({ width, height }: Size): Size => ({ width: Math.floor(width / 18), height: Math.floor(height / 18) });

describe('a large JPEG decoded at a reduced size', () => {
  it('of 12 million pixels is preprocessed within 1/255 of the whole image', async () => {
    const bytes = await textured(4007, 3005, 40).jpeg({ quality: 90 }).toBuffer();
    const preset = { resize: 256, crop: 224, interpolation: 'bilinear' as Interpolation, mean: IMAGENET_MEAN };
    const reduced = await decode(bytes, 'photo', (size) => scaledSize(size, preset));
    assert.deepEqual([reduced.width, reduced.height], [801, 601]);
    const mean = difference(preprocess(reduced, preset), preprocess(await decode(bytes), preset));
    assert.ok(mean < 0.7, `mean difference ${mean}`);
  });

  const side = 463; // 7 pixels more than a multiple of 8
  const corner = (image: Pixels, { width, height }: Size, left: boolean, top: boolean): Uint8Array => {
    const window = { left: left ? 0 : width - 12, top: top ? 0 : height - 12, width: 12, height: 12 };
    return resample(image, width, height, 'bicubic', { window });
  };

  it('keeps the place of every pixel, up to the corners, in every EXIF orientation', async () => {
    const stored = await textured(side, side - 48, 36)
      .png({ compressionLevel: 1 })
      .toBuffer();
    for (const scaledTo of [half, eighth]) {
      for (let orientation = 1; orientation <= 8; orientation++) {
        const bytes = await sharp(stored).withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer();
        const whole = await decode(bytes);
        const reduced = await decode(bytes, 'photo', scaledTo);
        const { width, height } = reduced.reducedFrom ?? assert.fail('not reduced');
        assert.deepEqual([width, height], [whole.width, whole.height]);
        const size = scaledTo(whole);
        for (const left of [false, true]) {
          for (const top of [false, true]) {
            const mean = difference(corner(reduced, size, left, top), corner(whole, size, left, top));
            assert.ok(mean < 1.6, `orientation ${orientation}, ${left}, ${top}: mean difference ${mean}`);
          }
        }
      }
    }
  });

  it('has the same colours: progressive, grey, CMYK, with a profile', async () => {
    const image = textured(300, 244, 20);
    const variants: Record<string, Sharp> = {
      progressive: image.clone().jpeg({ progressive: true }),
      grey: image.clone().toColourspace('b-w').jpeg(),
      cmyk: image.clone().toColourspace('cmyk').jpeg(),
      profile: image.clone().withIccProfile('p3').jpeg(),
    };
    for (const [name, variant] of Object.entries(variants)) {
      const bytes = await variant.toBuffer();
      const reduced = await decode(bytes, name, half);
      assert.ok(reduced.reducedFrom, name);
      const { width, height } = half(reduced.reducedFrom);
      const expected = resample(await decode(bytes), width, height, 'bilinear');
      const mean = difference(resample(reduced, width, height, 'bilinear'), expected);
      assert.ok(mean < 1, `${name}: mean difference ${mean}`);
    }
  });

  it('is checked to its end', async () => {
    const bytes = await textured(300, 244, 20).jpeg().toBuffer();
    const cut = bytes.subarray(0, bytes.length - 40);
    await assert.rejects(decode(cut, 'photo', eighth), { reason: /damaged or cut short/ });
    const unended = bytes.subarray(0, bytes.length - 2);
    assert.deepEqual(await decode(unended, 'photo', eighth), await decode(unended));
  });
});

it('decodeScaled reduces a JPEG first, if that leaves twice the pixels, and says what it shows', async () => {
  const bytes = await textured(1003, 647, 50).jpeg({ quality: 95 }).toBuffer();
  const image = await decode(bytes);
  const shown = { 40: [1000, 640], 80: [1000, 644], 160: [1002, 646], 162: [1003, 647], 800: [1003, 647] };
  for (const [key, size] of Object.entries(shown)) {
    const side = Number(key);
    const { original, width, height, data } = await decodeScaled(bytes, side, 'bicubic', 'photo');
    assert.deepEqual([width, height], [side, Math.min(side, 647)]);
    assert.deepEqual([original.width, original.height], size);
    const expected = resample(image, width, height, 'bicubic', { source: { left: 0, top: 0, ...original } });
    const mean = difference(data, expected);
    assert.ok(mean < 1, `${side}: mean difference ${mean}`);
  }
  const cut = bytes.subarray(0, bytes.length - 20);
  await assert.rejects(decodeScaled(cut, 80, 'bicubic', 'photo'), { reason: /damaged or cut short/ });
});

it('an image with less than the pixels that are needed, or in another format, is decoded whole', async () => {
  const image = textured(300, 200, 10);
  const jpeg = await image.clone().jpeg().toBuffer();
  const whole = await decode(jpeg);
  assert.deepEqual(await decode(jpeg, 'photo', () => ({ width: 51, height: 20 })), whole);
  assert.deepEqual(await decode(jpeg, 'photo', () => ({ width: 20, height: 34 })), whole);
  const png = await image.clone().png().toBuffer();
  assert.deepEqual(await decode(png, 'photo', () => ({ width: 1, height: 1 })), await decode(png));
});
