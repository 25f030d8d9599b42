import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { load, MOST_PROBABLE, type Preset, readMetadata } from '@evenhand/predict';
import { liveTensors, nn, saveTensors } from '@evenhand/torch';
import { modelInfo } from '../models/index.js';
import { type Environment, RunError, RunFolder, type ValidationPrediction } from '../run/index.js';
import { drawImages, smallConfig, temporaryFolder } from '../train/engine/images.test.helper.js';
import { buildModel, ConfigError } from '../train/index.js';
import { exportRuns } from './export-runs.js';

const { path: root, remove } = temporaryFolder();
after(remove);
const path = (name: string): string => join(root, name);
const CLASSES = ['blue', 'green', 'red'];
await drawImages(path('photos'), 1);
const photo = path('photos/red/0.png');

const dataset = { fingerprint: 'f', path: path('photos'), classes: CLASSES, classCounts: [8, 9, 8], train: 25, val: 0 };
const machine = { versions: {}, os: 'o', cpu: 'c', cores: 1, threads: 1, device: 'cpu', memoryMB: 1, git: null };

const { preset } = modelInfo('mobilenet_v2');
const HALF = [0.5, 0.5, 0.5] as const;

interface Fake {
  readonly model?: string;
  readonly preset?: Preset;
  /** Without, the run has no weights. */
  readonly isTrained?: boolean;
  readonly seed?: number;
  readonly imageSize?: number;
  readonly classes?: readonly string[];
  readonly folds?: number;
  readonly rows?: readonly ValidationPrediction[];
}

/** A run with random weights, as if it had been trained. All have the preset of mobilenet_v2 unless another is given. */
function fakeRun(name: string, fake: Fake = {}): string {
  const { model = 'efficientnet_mini', seed = 0, imageSize = 32, classes = CLASSES, folds = 0, rows = [] } = fake;
  const folder = RunFolder.create(path(name));
  const config = smallConfig(path('photos'), { model, seed, imageSize, folds });
  folder.writeConfig(config);
  const environment = { ...machine, dataset: { ...dataset, classes, skipped: [] } };
  folder.writeEnvironment(environment as unknown as Environment);
  const spec = { ...modelInfo(model), preset, ...(fake.preset === undefined ? {} : { preset: fake.preset }) };
  folder.writeModel({ ...spec });
  folder.writePredictions(rows);
  // Refused before they are read.
  if (fake.isTrained === false) writeFileSync(folder.best, '');
  if (fake.isTrained === false) return folder.path;
  const network = buildModel(spec, config, classes.length, 'cpu');
  saveTensors(folder.best, nn.stateDict(network));
  nn.disposeModule(network);
  return folder.path;
}

/** `count` images per class; the logits say which is the label, with a strength. */
const rowsOf = (count: number, strength: number, from = 0): ValidationPrediction[] =>
  CLASSES.flatMap((label, k) =>
    Array.from({ length: count }, (_, i) => ({
      file: `${label}/${from + i}.png`,
      label,
      logits: CLASSES.map((_, other) => (other === k ? strength : 0)),
    })),
  );

async function logitsOf(file: string, members?: number): Promise<number[]> {
  const model = await load(file, { threads: 1, device: 'cpu' });
  try {
    const prediction = await model.predict(photo, members === undefined ? {} : { members });
    assert.equal(prediction.members, members ?? model.metadata.members ?? 1);
    return [...prediction.logits];
  } finally {
    await model.close();
  }
}

function assertNear(actual: readonly number[], expected: readonly number[]): void {
  const scale = Math.max(...expected.map(Math.abs));
  assert.ok(scale > 1e-4, 'all logits are near 0, so the comparison means nothing');
  for (const [k, value] of expected.entries()) {
    assert.ok(Math.abs(actual[k]! - value) < 1e-3 * scale, `${actual}, not ${expected}`);
  }
}

const first = fakeRun('first', { model: 'mobilenet_v2', seed: 1, rows: rowsOf(6, 4) });
const other = fakeRun('other', {
  preset: { ...preset, interpolation: 'bicubic', mean: HALF, std: HALF },
  rows: rowsOf(4, 1, 2),
});

describe('several runs in one model file', async () => {
  const out = path('both.onnx');
  const before = liveTensors();
  const { metadata, bytes } = exportRuns({ runs: [first, other], out });
  assert.equal(liveTensors(), before);

  test('are described in its metadata', () => {
    assert.deepEqual(readMetadata(readFileSync(out)), JSON.parse(JSON.stringify(metadata)));
    assert.equal(bytes, statSync(out).size);
    const { model, members, classes, config, dataFingerprint } = metadata;
    assert.deepEqual([model, members, classes, dataFingerprint], ['mobilenet_v2 + efficientnet_mini', 2, CLASSES, 'f']);
    assert.deepEqual(metadata.preset, { ...preset, crop: 32, resize: 37 });
    assert.deepEqual(config, RunFolder.open(first).readConfig());
    // 18 and 12 validation images, of which they share those numbered 2 to 5.
    assert.deepEqual(metadata.validation?.images, 12);
    assert.equal(metadata.validation.macroF1, 1);
  });

  test('give the mean of their logits, or those of the first', async () => {
    const single = exportRuns({ runs: [first], out: path('single.onnx') });
    assert.equal(single.metadata.members, undefined);
    const own = await logitsOf(single.path);
    assertNear(await logitsOf(out, 1), own);
    // Exported with the first's interpolation, which an ensemble takes for all.
    const copy = fakeRun('copy', { preset: { ...preset, mean: HALF, std: HALF } });
    const second = await logitsOf(exportRuns({ runs: [copy], out: path('second.onnx') }).path);
    const mean = own.map((logit, k) => (logit + second[k]!) / 2);
    assertNear(await logitsOf(out), mean);
  });

  test('have no decision rule and no score if they share no validation images', () => {
    const apart = fakeRun('apart', { seed: 2, rows: rowsOf(2, 1, 50) });
    const { metadata } = exportRuns({ runs: [other, apart], out: path('apart.onnx') });
    assert.deepEqual([metadata.decision, metadata.validation], [MOST_PROBABLE, null]);
    assert.equal(metadata.model, 'efficientnet_mini');
  });

  test('are refused in one sentence if they do not fit together', () => {
    const refused = (message: string, error: typeof ConfigError | typeof RunError, ...runs: string[]) =>
      assert.throws(
        () => exportRuns({ runs, out }),
        (thrown) => {
          assert.ok(thrown instanceof error, String(thrown));
          assert.equal(thrown.message, message);
          return true;
        },
      );
    const [swapped, two, large] = [path('swapped'), path('two'), path('large')];
    fakeRun('swapped', { isTrained: false, classes: ['blue', 'red', 'green'] });
    fakeRun('two', { isTrained: false, classes: ['blue', 'green'] });
    fakeRun('large', { isTrained: false, imageSize: 64 });
    const same = 'an ensemble needs the same classes in the same order';
    refused(`Class 2 of ${swapped} is "red", that of ${first} "green": ${same}`, ConfigError, first, swapped);
    refused(`${two} has 2 classes, ${first} 3: ${same}`, ConfigError, first, two);
    refused(
      `${large} reads images with crop 64, ${first} with 32: an ensemble prepares an image once, so train its members ` +
        'with the same --image-size and models of the same preset',
      ConfigError,
      first,
      large,
    );
    const none = path('none');
    mkdirSync(none);
    assert.throws(() => exportRuns({ runs: [first, none], out }), RunError);
  });
});

test('a cross-validated run is the ensemble of its folds, judged by its out-of-fold predictions', () => {
  const whole = fakeRun('whole', { isTrained: false, folds: 2, rows: rowsOf(8, 3) });
  fakeRun('whole/folds/0', { seed: 1, folds: 2 });
  assert.throws(() => exportRuns({ runs: [whole] }), {
    message: /whole has no fold 1 of 0 to 1 yet: continue the run first/,
  });
  fakeRun('whole/folds/1', { seed: 2, folds: 2 });
  const { metadata, path: file } = exportRuns({ runs: [whole] });
  assert.equal(file, join(whole, 'model.onnx'));
  assert.deepEqual([metadata.members, metadata.validation?.images], [2, 24]);
  const more = exportRuns({ runs: [other, whole], out: path('more.onnx') });
  assert.deepEqual([more.metadata.members, more.metadata.validation?.images], [3, 12]);
});
