import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from './decode.js';
import { preprocess } from './preprocess.js';
import { IMAGENET_MEAN, IMAGENET_STD, type Preset } from './preset.js';
import { inputsOf, viewsOf } from './views.js';

const image = await decode(new URL('../golden/landscape.jpg', import.meta.url).pathname);
const preset: Preset = { resize: 40, crop: 33, interpolation: 'bicubic', mean: IMAGENET_MEAN, std: IMAGENET_STD };

/** `(v / 255 - mean) / std` of pixels [H,W,3] as [3,H,W] in double precision. */
function normalised(pixels: Uint8Array, { crop, mean, std }: Preset): Float64Array {
  const out = new Float64Array(pixels.length);
  for (const [i, value] of pixels.entries()) {
    const channel = i % 3;
    out[channel * crop * crop + Math.floor(i / 3)] = (value / 255 - mean[channel]!) / std[channel]!;
  }
  return out;
}

test('the first view is the preprocessed image, normalised', () => {
  for (const tta of ['none', 'flip', 'flip+scales'] as const) {
    const [input] = inputsOf(image, preset, viewsOf(tta));
    assert.deepEqual(input, Float32Array.from(normalised(preprocess(image, preset), preset)), tta);
  }
});

test('a flipped view is the mirror image', () => {
  const [plain, flipped] = inputsOf(image, preset, viewsOf('flip'));
  const { crop } = preset;
  const mirrored = plain!.map((_, i) => plain![i - (i % crop) + (crop - 1 - (i % crop))]!);
  assert.deepEqual(flipped, mirrored);
  assert.notDeepEqual(flipped, plain);
});

test('a zoomed view is the centre of a larger image, plain and mirrored', () => {
  const views = viewsOf('flip+scales');
  const [, , zoomed, flipped] = inputsOf(image, preset, views);
  // 1.15 * 40
  const larger = preprocess(image, { ...preset, resize: 46 });
  assert.deepEqual(zoomed, Float32Array.from(normalised(larger, preset)));
  assert.deepEqual(flipped, inputsOf(image, { ...preset, resize: 46 }, viewsOf('flip'))[1]);
});

test('every view follows the crop mode of the preset', () => {
  for (const cropMode of ['squash', 'border'] as const) {
    const own = { ...preset, cropMode };
    const [plain, , zoomed] = inputsOf(image, own, viewsOf('flip+scales'));
    assert.deepEqual(plain, Float32Array.from(normalised(preprocess(image, own), own)), cropMode);
    assert.deepEqual(zoomed, Float32Array.from(normalised(preprocess(image, { ...own, resize: 46 }), own)), cropMode);
    assert.notDeepEqual(plain, inputsOf(image, preset, viewsOf('none'))[0], cropMode);
  }
});

test('each kind of augmentation starts with the views of the smaller ones', () => {
  assert.deepEqual(
    (['none', 'flip', 'flip+scales'] as const).map((tta) => viewsOf(tta).length),
    [1, 2, 4],
  );
  const all = viewsOf('flip+scales');
  assert.deepEqual(viewsOf('flip'), all.slice(0, 2));
  assert.deepEqual(viewsOf('none'), all.slice(0, 1));
});
