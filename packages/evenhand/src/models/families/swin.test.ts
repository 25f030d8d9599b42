import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nn, ops, scope, type Tensor, tensor } from '@evenhand/torch';
import { createModel } from '../catalogue.js';
import { imagesOf } from '../timm.test.helper.js';
import { convertSwin, resizeBiasTable } from './swin-files.js';

const architecture = 'swin_tiny_patch4_window7_224';
const args = { embed_dim: 8, depths: [1, 2, 1], num_heads: [1, 2, 4], window_size: 4 };

test("files of Microsoft have timm's keys after conversion, without the tables that are computed", () => {
  const model = createModel({ architecture, args }, { numClasses: 3, imageSize: 64 });
  scope(() => {
    const file = new Map<string, Tensor>([
      ['layers.1.blocks.1.attn_mask', ops.zeros([4, 16, 16])],
      ['layers.1.blocks.1.attn.relative_position_index', ops.zeros([16, 16], { dtype: 'int64' })],
    ]);
    for (const [key, value] of nn.stateDict(model)) {
      const original = key
        .replace(/^layers\.(\d)\.downsample/, (_, stage) => `layers.${Number(stage) - 1}.downsample`)
        .replace(/^head\.fc\./, 'head.');
      file.set(original, value);
    }
    assert.ok(file.has('layers.0.downsample.norm.weight') && file.has('head.weight'));
    assert.deepEqual(convertSwin(file, model), new Map(convertSwin(nn.stateDict(model), model)));
  });
  nn.disposeModule(model);
});

test('the outermost positions of a resized bias table are those of the file', () => {
  scope(() => {
    const side = 13;
    const table = tensor(
      Float32Array.from({ length: side * side }, (_, i) => i),
      [side * side, 1],
    );
    assert.equal(resizeBiasTable(table, [7, 7]), table);
    const resized = resizeBiasTable(table, [12, 9]);
    assert.deepEqual(resized.shape, [23 * 17, 1]);
    const values = [...resized.toArray()].map(Number);
    const corners = [0, 16, 22 * 17, 23 * 17 - 1].map((at) => Math.round(values[at]!));
    assert.deepEqual(corners, [0, 12, 156, 168]);
    assert.equal(Math.round(values[11 * 17 + 8]!), 84, 'the centre');
  });
});

test('tables move with the model, and are no part of its state', () => {
  const model = createModel({ architecture, args }, { numClasses: 3, imageSize: 64 });
  assert.ok(![...nn.stateDict(model).keys()].some((key) => /index|mask/.test(key)));
  nn.moveTo(model, { dtype: 'float64' });
  scope(() => {
    const logits = model.forward(ops.to(imagesOf(2, [64, 64]), { dtype: 'float64' }));
    assert.deepEqual([logits.dtype, logits.shape], ['float64', [2, 3]]);
  });
  nn.disposeModule(model);
});

test('sizes and arguments that do not fit are refused in one sentence', () => {
  const build = (changes: object, options: object = {}) =>
    createModel({ architecture, args: { ...args, ...changes } }, { numClasses: 3, imageSize: 64, ...options });
  const cases: [object, object, string][] = [
    [
      {},
      { imageSize: 63 },
      `An image size of 63 does not fit ${architecture}, whose sizes are multiples of 4: 60 and 64 do.`,
    ],
    [{}, { pool: 'map' }, `pool of ${architecture} must be one of avg, max; got "map".`],
    [{ num_heads: [1, 2] }, {}, `num_heads of ${architecture} must be 3 whole numbers of at least 1; got [1, 2].`],
    [
      { window_size: [7, 7, 7, 7] },
      {},
      `window_size of ${architecture} must be 3 whole numbers of at least 1; got [7, 7, 7, 7].`,
    ],
  ];
  for (const [changes, options, message] of cases) {
    assert.throws(() => build(changes, options), { name: 'RangeError', message });
  }
  const model = build({}, { pool: 'max' });
  scope(() => {
    assert.deepEqual(model.forward(imagesOf(1, [64, 64])).shape, [1, 3]);
    assert.throws(() => model.forward(imagesOf(1, [64, 32])), {
      name: 'RangeError',
      message: 'The model was built for images of 64x64 pixels (HxW) and got 64x32.',
    });
  });
  nn.disposeModule(model);
});
