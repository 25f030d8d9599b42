import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { decide, load, MOST_PROBABLE, readMetadata } from '@evenhand/predict';
import { liveTensors, nn, saveTensors, WeightsFileError } from '@evenhand/torch';
import { applyRule } from '../metrics/index.js';
import { createModel, modelInfo } from '../models/index.js';
import { RunError, RunFolder } from '../run/index.js';
import { TestRuns } from '../train/engine/training.test.helper.js';
import { ConfigError } from '../train/index.js';
import { version } from '../version.js';
import { type ExportWeightsOptions, exportRun, exportWeights } from './export-run.js';

const runs = await TestRuns.open();
after(runs.remove);
const { best } = await runs.go('run', { epochs: 2 });
const folder = RunFolder.open(runs.path('run'));

/** A copy of the run without the given files. */
function copyWithout(name: string, ...files: string[]): string {
  const copy = runs.path(name);
  cpSync(runs.path('run'), copy, { recursive: true });
  for (const file of files) rmSync(join(copy, file));
  return copy;
}

/** The message of the ConfigError that `action` throws; checks that no tensor is left behind. */
async function mistake(action: () => unknown): Promise<string> {
  const before = liveTensors();
  let message = '';
  await assert.rejects(
    async () => action(),
    (error) => {
      assert.ok(error instanceof ConfigError, String(error));
      message = error.message;
      return true;
    },
  );
  assert.equal(liveTensors(), before);
  return message;
}

describe("a run's model file", async () => {
  test('is written at the end of training, with everything that prediction needs', () => {
    const metadata = readMetadata(readFileSync(folder.model));
    assert.ok(metadata);
    const { decision, validation, ...rest } = metadata;
    const { dataset } = folder.readEnvironment();
    const { preset } = modelInfo('mobilenet_v2');
    assert.deepEqual(rest, {
      version: version(),
      model: 'mobilenet_v2',
      classes: ['blue', 'green', 'red'],
      preset: { ...preset, crop: 32, resize: Math.round((32 * preset.resize) / preset.crop) },
      classCounts: [8, 8, 8],
      config: folder.readConfig(),
      dataFingerprint: dataset.fingerprint,
    });
    assert.ok(decision.temperature > 0);
    assert.ok(validation);
    const { images, macroF1, low, high } = validation;
    assert.equal(images, 12);
    assert.ok(low <= macroF1 && macroF1 <= high && low >= 0 && high <= 1, JSON.stringify(validation));
    if (decision.scale === null) assert.equal(macroF1, best?.macroF1);
  });

  test("gives the checkpoint's logits for the validation images", async () => {
    const model = await load(folder.model, { threads: 1, device: 'cpu' });
    try {
      for (const { file, logits } of folder.readPredictions()) {
        const prediction = await model.predict(join(runs.photos, file));
        const scale = Math.max(1, ...logits.map(Math.abs));
        for (const [k, logit] of logits.entries()) {
          assert.ok(
            Math.abs(prediction.logits[k]! - logit) < 1e-3 * scale,
            `${file}: ${prediction.logits}, not ${logits}`,
          );
        }
      }
    } finally {
      await model.close();
    }
  });

  test('is reproducible, half as large with float16, and written to the chosen path', () => {
    const before = liveTensors();
    const again = exportRun({ run: runs.path('run'), out: runs.path('again.onnx') });
    assert.deepEqual(readFileSync(again.path), readFileSync(folder.model));
    assert.equal(again.bytes, statSync(folder.model).size);
    assert.deepEqual(readMetadata(readFileSync(again.path)), JSON.parse(JSON.stringify(again.metadata)));
    const half = exportRun({ run: runs.path('run'), out: runs.path('half.onnx'), half: true });
    assert.ok(half.bytes < 0.53 * again.bytes, `${half.bytes} of ${again.bytes}`);
    assert.equal(liveTensors(), before);
  });

  test('predicts the most probable class if there are no validation images', () => {
    const { metadata } = exportRun({ run: copyWithout('unjudged', 'predictions.jsonl', 'model.onnx') });
    assert.deepEqual([metadata.decision, metadata.validation], [MOST_PROBABLE, null]);
    assert.ok(existsSync(join(runs.path('unjudged'), 'model.onnx')));
  });

  test('is refused if there is no run, no checkpoint, or no folder to write to', async () => {
    const sentence = (run: string, message: string | RegExp) =>
      assert.throws(
        () => exportRun({ run }),
        (error) => {
          assert.ok(error instanceof RunError, String(error));
          if (typeof message === 'string') assert.equal(error.message, message);
          else assert.match(error.message, message);
          return true;
        },
      );
    sentence(runs.path('none'), /none does not exist: give the folder of a run/);
    const unfinished = copyWithout('unfinished', 'best.safetensors', 'model.onnx');
    sentence(
      unfinished,
      `${unfinished} has no checkpoint to export, because no epoch has ended yet: continue the run first`,
    );
    const out = runs.path('nowhere/model.onnx');
    assert.equal(
      await mistake(() => exportRun({ run: runs.path('run'), out })),
      `${out}: there is no folder ${runs.path('nowhere')} to write it in`,
    );
  });

  test('is refused if the checkpoint is damaged or belongs to another model', async () => {
    const damaged = copyWithout('damaged', 'model.onnx');
    truncateSync(join(damaged, 'best.safetensors'), 1000);
    assert.throws(() => exportRun({ run: damaged }), WeightsFileError);

    const other = copyWithout('other', 'model.onnx');
    const config = { ...folder.readConfig(), headHidden: 5 };
    writeFileSync(join(other, 'config.json'), JSON.stringify(config));
    assert.match(
      await mistake(() => exportRun({ run: other })),
      /best\.safetensors does not match the model: .*classifier.*; expected the weights of mobilenet_v2 with a head of 3 classes/,
    );
    assert.equal(existsSync(join(other, 'model.onnx')), false);
  });
});

test('the decision rule chooses the same classes in prediction and when it is fitted', () => {
  const rows = folder.readPredictions();
  const rules = [
    MOST_PROBABLE,
    { temperature: 0.7, scale: [3, 1, 0.5], offset: [-0.5, 0.1, 0.2] },
    { temperature: 2, scale: [1, 1, 9], offset: [0, 0, 0] },
  ];
  for (const { temperature, scale, offset } of rules) {
    const rule = { temperature, scale: scale && [...scale], offset: offset && [...offset] };
    const logits = Float64Array.from(rows.flatMap((row) => row.logits));
    assert.deepEqual(
      rows.map((row) => decide(row.logits, rule).index),
      [...applyRule(logits, 3, rule)],
    );
  }
});

describe('weights from elsewhere', () => {
  const labels = Array.from({ length: 10 }, (_, i) => `class ${i}`);
  const out = runs.path('elsewhere.onnx');
  const options: ExportWeightsOptions = { model: 'mobilenet_v2', weights: runs.start, labels, out };

  test('become a model file with the given metadata', async () => {
    const before = liveTensors();
    const { metadata, path, bytes } = await exportWeights({ ...options, imageSize: 64 });
    assert.equal(liveTensors(), before);
    assert.deepEqual([path, bytes], [out, statSync(out).size]);
    const { preset } = modelInfo('mobilenet_v2');
    const expected = {
      version: version(),
      model: 'mobilenet_v2',
      classes: labels,
      preset: { ...preset, crop: 64, resize: Math.round((64 * preset.resize) / preset.crop) },
      decision: MOST_PROBABLE,
      classCounts: null,
      config: null,
      dataFingerprint: null,
      validation: null,
    };
    assert.deepEqual(metadata, expected);
    assert.deepEqual(readMetadata(readFileSync(out)), expected);
    const given = { ...preset, crop: 48, resize: 50 };
    assert.deepEqual((await exportWeights({ ...options, preset: given })).metadata.preset, given);
    assert.deepEqual((await exportWeights(options)).metadata.preset, preset);
  });

  test("have a head for timm's pool, whatever the features of their backbone are pooled by", async () => {
    const spec = { architecture: 'vit_small_patch14_dinov2', args: { embed_dim: 12, depth: 1, num_heads: 1 } };
    const model = createModel(spec, { numClasses: labels.length, imageSize: 28, pool: 'token' });
    const vit = runs.path('vit');
    mkdirSync(vit);
    const weights = join(vit, 'model.safetensors');
    saveTensors(weights, nn.stateDict(model));
    nn.disposeModule(model);
    const { architecture, args } = spec;
    writeFileSync(join(vit, 'config.json'), JSON.stringify({ architecture, model_args: { ...args, img_size: 28 } }));
    const { bytes } = await exportWeights({ ...options, model: vit, weights });
    assert.equal(bytes, statSync(out).size);
    const other = await mistake(() => exportWeights({ ...options, model: vit, weights, labels: ['a', 'b'] }));
    assert.match(other, /vit\/model\.safetensors does not match the model: 2 with another shape \(head\.weight/);
  });

  test('with another number of classes, without a head or of another model are refused in one sentence', async () => {
    rmSync(out, { force: true });
    assert.equal(
      await mistake(() => exportWeights({ ...options, labels: ['a', 'b', 'c'] })),
      `${runs.start} does not match the model: 2 with another shape (classifier.1.weight [10,1280] instead of [3,1280], ` +
        'classifier.1.bias [10] instead of [3]); expected the weights of mobilenet_v2 with a head of 3 classes: ' +
        'check the labels and the model',
    );
    const model = createModel('mobilenet_v2', { numClasses: 10, seed: 1 });
    const headless = runs.path('headless.safetensors');
    saveTensors(headless, new Map([...nn.stateDict(model)].filter(([key]) => !key.startsWith('classifier'))));
    nn.disposeModule(model);
    assert.equal(
      await mistake(() => exportWeights({ ...options, weights: headless })),
      `${headless} does not match the model: 2 missing (classifier.1.weight, classifier.1.bias); ` +
        'expected the weights of mobilenet_v2 with a head of 10 classes: check the labels and the model',
    );
    assert.match(
      await mistake(() => exportWeights({ ...options, model: 'efficientnet_b0' })),
      /start\.safetensors does not match the model: .* missing .*; expected the weights of efficientnet_b0 with a head of 10/,
    );
    assert.equal(existsSync(out), false);
  });

  test('without labels, of an unknown model, or without a file are refused', async () => {
    assert.equal(
      await mistake(() => exportWeights({ ...options, labels: [] })),
      'There are no labels; expected one for each class of the model',
    );
    await assert.rejects(exportWeights({ ...options, model: 'mobilenet_v22' }), ConfigError);
    const before = liveTensors();
    await assert.rejects(exportWeights({ ...options, weights: runs.path('no.pth') }), WeightsFileError);
    assert.equal(liveTensors(), before);
  });
});
