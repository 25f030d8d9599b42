import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, test } from 'node:test';
import { liveTensors, nn, noGrad, ops, saveTensors, scope, type Tensor } from '@evenhand/torch';
import { createModel } from '../catalogue.js';
import { images } from '../golden.test.helper.js';
import type { ImageModel } from '../model.js';
import type { ModelSpec } from '../spec.js';
import { COMMIT, newFolder, sha256, startHub } from './hub.test.helper.js';
import { loadPretrained } from './load-pretrained.js';
import { noteProgress } from './note-progress.js';
import type { WeightsError } from './weights-error.js';

const hub = await startHub();
let env: Record<string, string>;
let notes: string[];
beforeEach(() => {
  hub.requests.length = 0;
  hub.files = {};
  env = { HF_ENDPOINT: hub.url, HF_HOME: newFolder() };
  notes = [];
});

type Spec = Pick<ModelSpec, 'architecture' | 'args' | 'weights' | 'license' | 'classifiers'>;

const weights = { repository: 'org/name', revision: 'main' };
const license = { id: 'cc-by-nc-4.0', restriction: 'non-commercial use only' };
const VIT: Spec = {
  architecture: 'vit_tiny_patch16_224',
  args: { embed_dim: 32, depth: 2, num_heads: 2 },
  weights,
  license,
};
const CONVNEXT: Spec = {
  architecture: 'convnext_atto',
  args: { depths: [1, 1, 1, 1], dims: [8, 8, 16, 16] },
  weights,
  license: null,
};

const build = (spec: Spec, imageSize: number, numClasses: number, seed: number): ImageModel =>
  nn.setTraining(createModel(spec, { numClasses, imageSize, seed }), false);

/** A safetensors file. */
function fileOf(tensors: ReadonlyMap<string, Tensor>): Buffer {
  const path = join(newFolder(), 'x.safetensors');
  saveTensors(path, tensors);
  return readFileSync(path);
}

const load = (model: ImageModel, spec: Spec) =>
  loadPretrained(model, spec, { env, retryDelay: 1, onNote: (text) => notes.push(text) });

function assertSameFeatures(a: ImageModel, b: ImageModel, size: number): void {
  scope(() =>
    noGrad(() => {
      const x = images(1, size);
      assert.ok(ops.equal(a.forwardFeatures(x), b.forwardFeatures(x)));
    }),
  );
}

test('weights of the hub are loaded whatever their classes, and the licence is reported when they are downloaded', async () => {
  const before = liveTensors();
  const saved = build(VIT, 64, 12, 1);
  const model = build(VIT, 64, 5, 2);
  hub.files['model.safetensors'] = fileOf(nn.stateDict(saved));
  const loaded = await load(model, VIT);
  assertSameFeatures(saved, model, 64);
  const hash = sha256(hub.files['model.safetensors']);
  const { path, ...rest } = loaded;
  assert.deepEqual(rest, { repository: 'org/name', commit: COMMIT, sha256: hash });
  assert.match(path, /models--org--name.snapshots.1+.model\.safetensors$/);
  assert.deepEqual(notes, [
    'Downloading the weights of org/name, 0.2 MB',
    'Licence of the weights of org/name: cc-by-nc-4.0: non-commercial use only',
  ]);
  await load(model, VIT);
  assert.equal(notes.length, 2, 'they are told once');

  const larger = build(VIT, 96, 5, 3);
  await load(larger, VIT);
  scope(() => assert.deepEqual(larger.forwardFeatures(images(1, 96)).shape, [1, 32]));
  for (const each of [saved, model, larger]) nn.disposeModule(each);
  assert.equal(liveTensors(), before);
});

test('a second classifier of the file is left out, but no part of the backbone', async () => {
  const saved = build(CONVNEXT, 32, 12, 1);
  const model = build(CONVNEXT, 32, 5, 2);
  scope(() => {
    const tensors = new Map(nn.stateDict(saved)).set('head_dist.weight', ops.ones([12, 16]));
    hub.files['model.safetensors'] = fileOf(tensors);
  });
  // `head` holds the last norm, which is pretrained.
  await load(model, { ...CONVNEXT, classifiers: ['head', 'head_dist'] });
  assertSameFeatures(saved, model, 32);
  assert.equal(notes.at(-1), 'Licence of the weights of org/name: not stated');
  for (const each of [saved, model]) nn.disposeModule(each);
});

test("of open_clip's files with a network of timm the vision tower is loaded", async () => {
  const files = ['open_clip_model.safetensors', 'open_clip_pytorch_model.bin'];
  const spec = { ...CONVNEXT, weights: { ...weights, files } };
  const saved = build(CONVNEXT, 32, 12, 1);
  const model = build(CONVNEXT, 32, 5, 2);
  scope(() => {
    const trunk = [...nn.stateDict(saved)].filter(([key]) => !key.startsWith('head.fc'));
    const tensors = new Map(trunk.map(([key, tensor]) => [`visual.trunk.${key}`, tensor]));
    tensors.set('visual.head.proj.weight', ops.ones([4, 16])).set('text.positional_embedding', ops.ones([3, 4]));
    hub.files['open_clip_model.safetensors'] = fileOf(tensors.set('logit_scale', ops.ones([])));
  });
  const { path } = await load(model, spec);
  assert.match(path, /open_clip_model\.safetensors$/);
  assertSameFeatures(saved, model, 32);
  for (const each of [saved, model]) nn.disposeModule(each);
});

test('a long download is reported every ten seconds', () => {
  let now = 0;
  const tell = noteProgress(
    'x.pth',
    (text) => notes.push(text),
    () => now,
  );
  for (const received of [1e6, 20e6, 40e6, 60e6]) {
    tell({ received, total: 60e6 });
    now += 6000;
  }
  assert.deepEqual(notes, ['Downloading x.pth, 60 MB', 'Downloading x.pth: 40 of 60 MB']);
});

test('what cannot be loaded is one sentence', async () => {
  const model = build(CONVNEXT, 32, 5, 2);
  const none = (error: WeightsError) => {
    assert.equal(error.code, 'not-found');
    assert.match(error.message, /^org\/name has no weights .*none of model\.safetensors, pytorch_model\.bin\); choose/);
    return true;
  };
  await assert.rejects(load(model, CONVNEXT), none);

  const code = Buffer.from('\x80\x02cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.', 'latin1');
  hub.files['pytorch_model.bin'] = code;
  await assert.rejects(load(model, CONVNEXT), {
    name: 'WeightsFileError',
    message: /pytorch_model\.bin: contains "posix\.system", which is refused: .*no code is run/,
  });

  const other = build({ ...CONVNEXT, args: { depths: [1, 1, 1, 1], dims: [8, 8, 16, 24] } }, 32, 5, 1);
  hub.files['model.safetensors'] = fileOf(nn.stateDict(other));
  await assert.rejects(load(model, CONVNEXT), {
    name: 'TorchError',
    message: /does not match the model: \d+ with another shape \(.*instead of/,
  });
  const cut = join(newFolder(), 'cut.safetensors');
  writeFileSync(cut, hub.files['model.safetensors'].subarray(0, 5000));
  await assert.rejects(load(model, { ...CONVNEXT, weights: cut }), { name: 'WeightsFileError' });
  for (const each of [model, other]) nn.disposeModule(each);
});
