import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nn, noGrad, ops, saveTensors, scope } from '@evenhand/torch';
import { createModel } from '../catalogue.js';
import { assertSummary, golden, images, type Summary } from '../golden.test.helper.js';
import { loadPretrained } from './load-pretrained.js';

const folder = mkdtempSync(join(tmpdir(), 'evenhand-pretrained-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('the backbone is loaded from a path or a source with another head, and the head stays', async () => {
  const saved = createModel('mobilenet_v2', { numClasses: 3, seed: 1 });
  const path = join(folder, 'mobilenet.safetensors');
  saveTensors(path, nn.stateDict(saved));
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');

  for (const weights of [path, { url: 'https://weights.invalid/mobilenet.safetensors', sha256 }]) {
    const model = createModel('mobilenet_v2', { numClasses: 5, seed: 2 });
    const head = model.classifier;
    // a file in the cache folder needs no network
    assert.equal((await loadPretrained(model, { weights }, { cacheDir: folder })).path, path);
    assert.equal(model.classifier, head);
    scope(() =>
      noGrad(() => {
        for (const each of [saved, model]) nn.setTraining(each, false);
        const x = images(1, 32);
        assert.ok(ops.equal(saved.forwardFeatures(x), model.forwardFeatures(x)));
      }),
    );
    nn.disposeModule(model);
  }
  const other = createModel('efficientnet_lite0', { numClasses: 3 });
  await assert.rejects(loadPretrained(other, { weights: path }), {
    name: 'TorchError',
    message: /mobilenet\.safetensors does not match the model/,
  });
  nn.disposeModule(other);
  nn.disposeModule(saved);
});

// The published files, in both formats, prove that the keys are right. They are beside the repository on some machines.
const shared = fileURLToPath(new URL('../../../../../../shared/data/weights/', import.meta.url));
const { size, features } = golden<{ size: number; features: Record<string, Summary[]> }>('pretrained.json');
for (const [name, file] of [
  ['mobilenet_v2', 'mobilenet_v2.imagenet-features.pth'],
  ['efficientnet_lite0', 'tf_efficientnet_lite0.imagenet-features.safetensors'],
] as const) {
  const path = join(shared, file);
  const skip = existsSync(path) ? false : `${path} is not on this machine`;
  test(`${name}: ImageNet weights give the same features as in PyTorch`, { skip }, async () => {
    const model = createModel(name, { numClasses: 102 });
    await loadPretrained(model, { weights: path });
    nn.setTraining(model, false);
    scope(() =>
      noGrad(() => {
        const output = model.forwardFeatures(images(2, size));
        features[name]!.forEach((summary, i) => {
          assertSummary(`image ${i}`, ops.select(output, 0, i), summary);
        });
      }),
    );
    nn.disposeModule(model);
  });
}
