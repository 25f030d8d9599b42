import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveTensors, loadStateDict, nn, ops, scope, type Tensor } from '@evenhand/torch';
import { createModel } from '../catalogue.js';
import { imagesOf } from '../timm.test.helper.js';
import { convertConvNeXt } from './convnext-files.js';

const args = { depths: [1, 1, 1, 1], dims: [4, 8, 12, 16] };
const small = (architecture: string, changes: object = {}) =>
  createModel({ architecture, args: { ...args, ...changes } }, { numClasses: 3 });

/** timm's key to Meta's. */
function metaKey(key: string): string {
  return key
    .replace(/^stem\./, 'downsample_layers.0.')
    .replace(/^stages\.(\d)\.downsample\./, 'downsample_layers.$1.')
    .replace('.blocks.', '.')
    .replace('conv_dw', 'dwconv')
    .replace('mlp.fc', 'pwconv')
    .replace('mlp.grn.weight', 'grn.gamma')
    .replace('mlp.grn.bias', 'grn.beta')
    .replace(/^head\.norm\./, 'norm.')
    .replace(/^head\.fc\./, 'head.');
}

/** Asserts that the converted tensors are those of the model, which `file` holds under other names and shapes. */
function assertConverts(model: ReturnType<typeof small>, file: ReadonlyMap<string, Tensor>, without: string): void {
  const expected = [...nn.stateDict(model)].filter(([key]) => !key.startsWith(without));
  const converted = convertConvNeXt(file, model);
  assert.deepEqual(new Set(converted.keys()), new Set(expected.map(([key]) => key)));
  for (const [key, value] of expected) {
    assert.deepEqual(converted.get(key)!.shape, value.shape, key);
    assert.deepEqual(converted.get(key)!.toArray(), value.toArray(), key);
  }
}

test("files of Meta have timm's keys after conversion, and kernels where timm has 1 x 1 convolutions", () => {
  for (const architecture of ['convnext_tiny', 'convnext_atto', 'convnextv2_tiny', 'convnextv2_atto']) {
    const model = small(architecture);
    scope(() => {
      const file = new Map<string, Tensor>();
      for (const [key, value] of nn.stateDict(model)) {
        const linear = key.includes('.mlp.fc') && key.endsWith('weight');
        const shape = linear ? value.shape.slice(0, 2) : key.includes('grn') ? [1, 1, 1, -1] : value.shape;
        file.set(metaKey(key), ops.reshape(ops.detach(value), shape));
      }
      file.set('norms.3.weight', ops.ones([16])); // EUPE
      assert.ok(
        file.has('downsample_layers.3.1.weight') && file.has('stages.2.0.dwconv.bias') && file.has('norm.bias'),
      );
      assertConverts(model, file, 'none');
    });
    nn.disposeModule(model);
  }
});

test('files of OpenCLIP give the network without the tower of the texts', () => {
  const model = small('convnext_large_mlp', { head_hidden_size: 6 });
  scope(() => {
    const file = new Map<string, Tensor>([
      ['logit_scale', ops.ones([])],
      ['text.positional_embedding', ops.ones([2, 2])],
      ['visual.head.mlp.fc2.weight', ops.ones([5, 6])],
    ]);
    for (const [key, value] of nn.stateDict(model)) {
      if (key.startsWith('head.fc.')) continue;
      file.set(
        key.replace(/^head\.pre_logits\.fc\.|^/, (at) => (at ? 'visual.head.mlp.fc1.' : 'visual.trunk.')),
        value,
      );
    }
    assertConverts(model, file, 'head.fc.');
  });
  nn.disposeModule(model);
});

test('a network that was pretrained as a masked autoencoder keeps the new norm before its classifier', () => {
  const model = small('convnextv2_tiny');
  scope(() => {
    const file = new Map([...nn.stateDict(model)].filter(([key]) => !key.startsWith('head.')));
    const converted = convertConvNeXt(file, model);
    loadStateDict(model, converted, { without: model.classifierKey });
    assert.deepEqual([...converted.get('head.norm.weight')!.toArray()], new Array(16).fill(1));
  });
  nn.disposeModule(model);
});

test('maps stay channels-last from the first norm on, whatever the layout of the images', () => {
  const model = small('convnextv2_tiny');
  scope(() => {
    const map = model.backbone().flat()[0] as nn.Module;
    const x = map.forward(imagesOf(2, [64, 64]));
    assert.equal(x.memoryFormat, 'channelsLast');
    assert.equal((model.backbone()[1]![0] as nn.Module).forward(x).memoryFormat, 'channelsLast');
  });
  nn.disposeModule(model);
});

test('arguments that do not fit are refused in one sentence', () => {
  const before = liveTensors();
  const build = (changes: object, options: object = {}) =>
    createModel({ architecture: 'convnext_tiny', args: { ...args, ...changes } }, { numClasses: 3, ...options });
  const cases: [object, object, string][] = [
    [{ depths: '3' }, {}, 'depths of convnext_tiny must be 4 whole numbers of at least 1; got "3".'],
    [
      { stem_type: 'deep' },
      {},
      'stem_type of convnext_tiny must be one of patch, overlap, overlap_tiered, overlap_act; got "deep".',
    ],
    [
      { norm_layer: 'batchnorm' },
      {},
      'norm_layer of convnext_tiny must be one of layernorm, rmsnorm, simplenorm; got "batchnorm".',
    ],
    [{ act_layer: 'relu' }, {}, 'Unknown act_layer relu; available: gelu, gelu_tanh, quick_gelu, silu.'],
    [{ in_chans: 4 }, {}, 'in_chans of convnext_tiny must be 3; got 4.'],
    [{ depth: 4 }, {}, 'convnext_tiny has no argument depth; did you mean depths?'],
    [{}, { pool: 'token' }, 'pool of convnext_tiny must be one of avg, max; got "token".'],
    [{}, { imageSize: 24 }, 'An image size of 24 does not fit convnext_tiny, which needs at least 32.'],
  ];
  for (const [changes, options, message] of cases) {
    assert.throws(() => build(changes, options), { name: 'RangeError', message });
  }
  assert.equal(liveTensors(), before);
});
