import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Preset, validatePreset } from '@evenhand/predict';
import { liveTensors, nn, ops, scope } from '@evenhand/torch';
import { createModel, modelInfo, modelNames } from './catalogue.js';
import { EFFICIENTNETS, EfficientNet } from './families/efficientnet.js';
import { makeDivisible, row } from './families/rows.js';
import { architectureNames } from './families.js';
import { golden } from './golden.test.helper.js';
import { backboneParameters, headParameters, replaceHead } from './head.js';
import { listModels, recommend } from './list-models.js';

test('presets match torchvision, timm for Lite0, and our own for mini', () => {
  const presets = golden<Record<string, Preset>>('presets.json');
  const half = [0.5, 0.5, 0.5] as const;
  presets.efficientnet_lite0 = { resize: 256, crop: 224, interpolation: 'bicubic', mean: half, std: half };
  const { mean, std } = presets.efficientnet_b0!;
  presets.efficientnet_mini = { resize: 144, crop: 128, interpolation: 'bicubic', mean, std };
  for (const name of Object.keys(presets)) assert.deepEqual(modelInfo(name).preset, presets[name], name);
});

test('every recommended model has an architecture, settings that fit it, and a licence', () => {
  const architectures = new Set(architectureNames());
  for (const name of modelNames()) {
    const spec = modelInfo(name);
    assert.equal(spec.name, name);
    assert.ok(architectures.has(spec.architecture), `${name}: ${spec.architecture} is in no family`);
    assert.doesNotThrow(() => validatePreset({ ...spec.preset }), name);
    assert.ok(spec.parameters! > 1e6 && spec.license !== null && spec.pretraining !== '', name);
    assert.ok(name === 'efficientnet_mini' || spec.gmacs! > 0.05, name);
  }
  assert.ok(modelNames().length > 80);
  const restricted = modelNames().filter((name) => modelInfo(name).license?.restriction !== undefined);
  assert.ok(
    restricted.every((name) => /^convnextv2_|dinov3|metaclip|dfn2b|swsl|swag/.test(name)),
    restricted.join(),
  );
  assert.equal(modelInfo('convnextv2_tiny.fcmae_ft_in22k_in1k').license?.restriction, 'non-commercial use only');
  assert.match(modelInfo('vit_small_patch16_dinov3').license?.restriction ?? '', /only with the DINOv3 licence/);
});

/** Classes of the original classifiers by the tag of the weights; those of image-text models differ. */
const CLASSES: readonly (readonly [tag: RegExp, classes: number])[] = [
  [/in1k/, 1000],
  [/in12k$/, 11_821],
  [/^miil_in21k$/, 11_221],
  [/in21k$/, 21_843],
  [/in22k$/, 21_841],
  [/lvd/, 0],
];

test('recommended models have as many parameters as their architecture, with the classifier of their weights', () => {
  const files = readdirSync(new URL('../../golden/models/timm-parameters/', import.meta.url));
  const counts = new Map(
    files.flatMap((file) => Object.entries(golden<Record<string, number>>(`timm-parameters/${file}`))),
  );
  const checked = modelNames().filter((name) => {
    const { architecture, parameters } = modelInfo(name);
    const classes = CLASSES.find(([tag]) => tag.test(name.split('.')[1] ?? ''))?.[1];
    const withThousand = counts.get(architecture);
    if (classes === undefined || withThousand === undefined) return false;
    if (classes === 1000) assert.equal(parameters, withThousand, name);
    else {
      const features = (parameters! - withThousand) / (classes - 1000) - 1;
      assert.ok(Number.isInteger(features) && features > 100 && features < 4000, `${name}: ${features} features`);
    }
    return true;
  });
  assert.ok(checked.length > 60, `${checked.length} of ${modelNames().length}`);
});

test('recommended models and their list say what is on this machine, without a request', () => {
  const folder = mkdtempSync(join(tmpdir(), 'evenhand-list-'));
  const snapshots = join(folder, 'hub', 'models--timm--convnext_nano.in12k');
  mkdirSync(join(snapshots, 'snapshots', '1'.repeat(40)), { recursive: true });
  mkdirSync(join(snapshots, 'refs'));
  writeFileSync(join(snapshots, 'refs', 'main'), '1'.repeat(40));
  writeFileSync(join(snapshots, 'snapshots', '1'.repeat(40), 'model.safetensors'), '');
  writeFileSync(join(folder, 'mobilenet_v2-b0353104.pth'), '');
  const models = listModels({ HF_HOME: folder, EVENHAND_CACHE: folder });
  rmSync(folder, { recursive: true });
  const cached = models.filter((model) => model.cached).map(({ name }) => name);
  assert.deepEqual(cached, ['efficientnet_mini', 'mobilenet_v2', 'convnext_nano.in12k']);
  const { family, imageSize, gmacs } = models.find(({ name }) => name === 'convnext_nano.in12k')!;
  assert.deepEqual([family, imageSize, gmacs], ['ConvNeXt', 224, 2.46]);
  for (const { name } of recommend()) assert.ok(modelNames().includes(name), name);
});

test('the name of every weights file contains its hash', () => {
  for (const name of modelNames()) {
    const { weights } = modelInfo(name);
    if (typeof weights === 'string' || 'repository' in weights) continue; // part of the package, or on the hub
    assert.match(weights.sha256, /^([0-9a-f]{8}|[0-9a-f]{64})$/);
    assert.ok(weights.url.startsWith('https://') && weights.url.endsWith(`-${weights.sha256.slice(0, 8)}.pth`), name);
  }
});

test('an unknown model is refused with a suggestion, or with the available names', () => {
  const options = { numClasses: 3 };
  assert.throws(() => createModel('efficientnet-b3', options), {
    name: 'RangeError',
    message: 'Unknown model "efficientnet-b3"; did you mean efficientnet_b3?',
  });
  assert.throws(() => modelInfo('convnxt_tiny'), /did you mean convnext_tiny\?/);
  assert.throws(
    () => modelInfo('xception'),
    /Unknown model "xception"; evenhand models lists the recommended models, docs\/models\.md all/,
  );
  assert.throws(() => createModel('toString', options), /Unknown model "toString"/);
  for (const numClasses of [0, 1.5, Number.NaN]) {
    assert.throws(() => createModel('mobilenet_v2', { numClasses }), /numClasses must be a whole number/);
  }
});

for (const name of ['efficientnet_b0', 'mobilenet_v2', 'efficientnet_lite0']) {
  test(`${name}: the head can be replaced, with or without a hidden layer`, () => {
    const model = createModel(name, { numClasses: 5, seed: 0 });
    const keys = [...nn.stateDict(model).keys()];
    const before = liveTensors();
    const backbone = backboneParameters(model);

    replaceHead(model, 9);
    assert.equal(liveTensors(), before, 'the old head is freed');
    assert.deepEqual([...nn.stateDict(model).keys()], keys);
    assert.deepEqual(backboneParameters(model), backbone);
    scope(() => assert.deepEqual(model.classifier.forward(ops.ones([2, model.featureCount])).shape, [2, 9]));

    replaceHead(model, 4, { dropout: 0.5, hidden: 16 });
    assert.deepEqual(
      headParameters(model).map((parameter) => parameter.shape),
      [[16, model.featureCount], [16], [4, 16], [4]],
    );
    scope(() => assert.deepEqual(model.classifier.forward(ops.ones([2, model.featureCount])).shape, [2, 4]));
    nn.disposeModule(model);
  });
}

test('the dropout of a new head acts only in training', () => {
  const model = createModel('efficientnet_lite0', { numClasses: 2, seed: 0 });
  replaceHead(model, 2, { dropout: 0.5 });
  const logits = () => scope(() => [...model.classifier.forward(ops.ones([1, model.featureCount])).toArray()]);
  assert.notDeepEqual(logits(), logits());
  nn.setTraining(model, false);
  assert.deepEqual(logits(), logits());
  replaceHead(model, 2, { dropout: 0.5 });
  assert.deepEqual(logits(), logits(), 'a new head has the training mode of its model');
  nn.disposeModule(model);
});

test('an invalid head is refused, and the model keeps its own', () => {
  const model = createModel('mobilenet_v2', { numClasses: 5 });
  const head = model.classifier;
  assert.throws(() => replaceHead(model, 0), /numClasses must be a whole number of at least 1, got 0/);
  assert.throws(() => replaceHead(model, 3, { dropout: 1 }), /dropout must be a number .* got 1/);
  assert.throws(() => replaceHead(model, 3, { hidden: -1 }), /hidden must be a whole number .* got -1/);
  assert.equal(model.classifier, head);
  nn.disposeModule(model);
});

test('an EfficientNet is built from any rows', () => {
  const rows = [row(1, 3, 1, 8, 1), row(4, 3, 2, 16, 2), row(4, 5, 2, 24, 1)];
  const model = new EfficientNet({ ...EFFICIENTNETS.efficientnet_b0, rows, stem: 16 }, 3);
  scope(() => assert.deepEqual(model.forward(ops.ones([2, 3, 32, 32])).shape, [2, 3]));
  assert.equal(model.featureCount, 96);
  nn.disposeModule(model);
});

test('channels are rounded as in torchvision', () => {
  assert.deepEqual(
    [1, 12, 17.6, 35.2, 352, 10].map((channels) => makeDivisible(channels)),
    [8, 16, 16, 32, 352, 16],
  );
});
