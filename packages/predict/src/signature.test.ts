import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IMAGENET_MEAN, IMAGENET_STD, type Preset } from './preset.js';
import { signatureOf } from './signature.js';

const preset: Preset = { resize: 256, crop: 224, interpolation: 'bilinear', mean: IMAGENET_MEAN, std: IMAGENET_STD };
const metadata = { classes: ['a', 'b', 'c'], preset };

const value = (name: string, shape: readonly (number | string)[], type = 'float32') => ({
  name,
  isTensor: true,
  type,
  shape,
});
const images = value('images', ['N', 3, 224, 224]);
const scores = value('scores', ['N', 3]);

test('input and output may have any name, and fixed or free sizes', () => {
  for (const inputShape of [
    ['N', 3, 224, 224],
    [1, 3, 224, 224],
    ['N', 'C', 'H', 'W'],
  ]) {
    for (const outputShape of [
      ['N', 3],
      [1, 3],
      ['N', 'K'],
    ]) {
      const session = { inputMetadata: [value('x', inputShape)], outputMetadata: [value('y', outputShape)] };
      assert.deepEqual(signatureOf(session, metadata, 'm.onnx'), { input: 'x', output: 'y' });
    }
  }
});

test('a second output is ignored', () => {
  const session = { inputMetadata: [images], outputMetadata: [scores, value('features', ['N', 1280])] };
  assert.deepEqual(signatureOf(session, metadata, 'm.onnx'), { input: 'images', output: 'scores' });
});

test('a model that does not classify such images into these classes is refused by one sentence', () => {
  const cases: [inputs: unknown[], outputs: unknown[], message: string][] = [
    [[], [scores], 'the model must have one input, float32 [N,3,H,W]'],
    [[images, value('mask', ['N'])], [scores], 'the model must have one input, float32 [N,3,H,W]'],
    [[value('x', ['N', 3, 224, 224], 'uint8')], [scores], 'the model must have one input, float32 [N,3,H,W]'],
    [[value('x', ['N', 224, 224, 3])], [scores], 'its input must be [N,3,H,W], but is [N,224,224,3]'],
    [[value('x', ['N', 2048])], [scores], 'its input must be [N,3,H,W], but is [N,2048]'],
    [
      [value('x', ['N', 3, 240, 320])],
      [scores],
      'its input is 320 x 240 pixels, but the preset crops images to 224 x 224',
    ],
    [[images], [], 'its output must be logits, float32 [N,K], but is missing'],
    [[images], [value('y', ['N', 3], 'int64')], 'its output must be logits, float32 [N,K], but is int64 [N,3]'],
    [[images], [value('y', ['N', 3, 7, 7])], 'its output must be logits, float32 [N,K], but is float32 [N,3,7,7]'],
    [[images], [value('y', ['N', 1000])], 'its output has 1000 logits, but there are 3 class names'],
  ];
  for (const [inputMetadata, outputMetadata, message] of cases) {
    assert.throws(() => signatureOf({ inputMetadata, outputMetadata }, metadata, 'm.onnx'), {
      name: 'ModelError',
      message: `m.onnx: ${message}.`,
    });
  }
});
