// Models of the catalogue on real images: libtorch against the exported ONNX file.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { decode, MOST_PROBABLE, metadataEntries, type Preset, preprocess, readMetadata } from '@evenhand/predict';
import { liveTensors, nn, noGrad, scope, tensor } from '@evenhand/torch';
import { createModel, exportOnnx, type ImageModel, modelInfo } from 'evenhand';
import { InferenceSession, Tensor as OnnxTensor } from 'onnxruntime-node';

const PYTHON = '/usr/bin/python3';
const CLASSES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const golden = new URL('../../packages/predict/golden/', import.meta.url).pathname;
const images = await Promise.all(['landscape.jpg', 'portrait.jpg', 'grey.jpg'].map((name) => decode(golden + name)));

/** The three images, preprocessed: [3,3,size,size]. */
function inputs(preset: Preset): Float32Array {
  const { crop, mean, std } = preset;
  const area = crop ** 2;
  const out = new Float32Array(images.length * 3 * area);
  for (const [n, image] of images.entries()) {
    for (const [i, value] of preprocess(image, preset).entries()) {
      const channel = i % 3;
      out[(n * 3 + channel) * area + Math.floor(i / 3)] = (value / 255 - mean[channel]!) / std[channel]!;
    }
  }
  return out;
}

function logitsOf(model: ImageModel, images: Float32Array, size: number): Float32Array {
  return scope(() =>
    noGrad(() => {
      const logits = model.forward(tensor(images, [images.length / (3 * size * size), 3, size, size]));
      return logits.toArray(new Float32Array(logits.numel));
    }),
  );
}

/**
 * A model with BatchNorm statistics of images, as after some training. With those of a new model its logits would be almost
 * equal for all images.
 */
function modelWithStatistics(name: string, images: Float32Array, size: number): ImageModel {
  // Only BatchNorm is in training mode: statistics of branches dropped at random would inflate those of the others.
  const model = nn.setTraining(createModel(name, { numClasses: CLASSES.length, seed: 3 }), false);
  for (const module of nn.modules(model)) {
    if (!(module instanceof nn.BatchNorm2d)) continue;
    module.training = true;
    Object.defineProperty(module, 'momentum', { value: 1 });
  }
  logitsOf(model, images, size);
  return nn.setTraining(model, false);
}

async function runOnnx(session: InferenceSession, images: Float32Array, size: number): Promise<Float32Array> {
  const pixels = new OnnxTensor('float32', images, [images.length / (3 * size * size), 3, size, size]);
  const { logits } = await session.run({ pixel_values: pixels });
  return logits!.data as Float32Array;
}

const spread = (logits: Float32Array): number => Math.max(...logits) - Math.min(...logits);
const difference = (a: Float32Array, b: Float32Array): number => {
  assert.equal(a.length, b.length);
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);
};

/** With 64 pixels where the full size would take long and show nothing else. */
const sizes: [name: string, size?: number][] = [
  ['mobilenet_v2'],
  ['efficientnet_lite0'],
  ['efficientnet_b0'],
  ['efficientnet_b1', 64],
  ['efficientnet_b2', 64],
  ['efficientnet_b3', 64],
  ['efficientnet_b4', 64],
];

for (const [name, small] of sizes) {
  it(`${name} in ONNX has libtorch's logits for one image and for three, and no BatchNorm`, async () => {
    const { preset: own } = modelInfo(name);
    const preset = small === undefined ? own : { ...own, resize: small, crop: small };
    const size = preset.crop;
    const images = inputs(preset);
    const handles = liveTensors();
    const model = modelWithStatistics(name, images, size);
    try {
      const held = liveTensors();
      const bytes = exportOnnx(model, { size, version: '0' });
      assert.equal(liveTensors(), held, 'tensors leaked');
      // The operator of a node is field 4, preceded by its length; names of values contain layer names.
      assert.equal(Buffer.from(bytes).includes('\x22\x12BatchNormalization'), false);
      assert.equal(Buffer.from(bytes).includes('\x22\x04Conv'), true);
      const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
      const expected = logitsOf(model, images, size);
      assert.ok(spread(expected) > 0.05, `logits ${expected} are too much alike to be compared`);
      const three = await runOnnx(session, images, size);
      const one = await runOnnx(session, images.slice(images.length / 3, (2 * images.length) / 3), size);
      await session.release();
      for (const [found, wanted] of [
        [three, expected],
        [one, expected.slice(CLASSES.length, 2 * CLASSES.length)],
      ] as const) {
        const off = difference(found, wanted);
        // Rounding grows with the logits, which reach 20 because three small images give the statistics.
        assert.ok(off < 1e-4 * Math.max(1, spread(expected)), `off by ${off}: ${found}, not ${wanted}`);
      }
    } finally {
      nn.disposeModule(model);
    }
    assert.equal(liveTensors(), handles);
  });
}

describe('the model file', () => {
  const name = 'efficientnet_b0';
  const size = 64;
  const preset: Preset = { ...modelInfo(name).preset, resize: size, crop: size };
  const metadata = {
    version: '0.1.0',
    model: name,
    classes: CLASSES,
    preset,
    decision: { ...MOST_PROBABLE, temperature: 1.5 },
    classCounts: [7, 6, 5, 4, 3, 2, 1],
    config: { seed: 1, note: 'é "猫"' },
    dataFingerprint: 'abc',
    validation: { images: 9, macroF1: 0.5, low: 0.25, high: 0.75 },
  };
  const images = inputs(preset);
  const folder = mkdtempSync(join(tmpdir(), 'evenhand-export-'));
  let model: ImageModel;
  let full: Uint8Array;
  let half: Uint8Array;

  before(() => {
    model = modelWithStatistics(name, images, size);
    const options = { size, version: '0.1.0', metadata: metadataEntries(metadata) };
    full = exportOnnx(model, options);
    half = exportOnnx(model, { ...options, half: true });
  });
  after(() => {
    nn.disposeModule(model);
    rmSync(folder, { recursive: true });
  });

  it('contains all metadata for prediction', () => {
    assert.deepEqual(readMetadata(full), metadata);
    assert.deepEqual(readMetadata(half), metadata);
  });

  it('in 16 bits is half as large and has nearly the same logits', async () => {
    const share = half.length / full.length;
    assert.ok(share > 0.48 && share < 0.53, `${half.length} of ${full.length} bytes`);
    const expected = logitsOf(model, images, size);
    const session = await InferenceSession.create(half, { intraOpNumThreads: 1, logSeverityLevel: 3 });
    const off = difference(await runOnnx(session, images, size), expected);
    await session.release();
    assert.ok(off > 1e-7, 'the weights are not stored in 16 bits');
    assert.ok(off < 0.01 * spread(expected), `off by ${off}, of ${spread(expected)} between the logits`);
  });

  it('leaves the mode of the model unchanged, and is the same each time', () => {
    const options = { size, version: '0.1.0', metadata: metadataEntries(metadata) };
    nn.setTraining(model, true);
    assert.deepEqual(exportOnnx(model, options), full);
    assert.ok(nn.modules(model).every(({ training }) => training));
    nn.setTraining(model, false);
  });

  const python = existsSync(PYTHON) && spawnSync(PYTHON, ['-c', 'import onnx']).status === 0;
  it('passes the ONNX checker', { skip: !python && `${PYTHON} has no onnx` }, () => {
    const files = Object.entries({ full, half }).map(([kind, bytes]) => {
      const file = join(folder, `${kind}.onnx`);
      writeFileSync(file, bytes);
      return file;
    });
    const program =
      'import onnx, sys\nfor file in sys.argv[1:]: onnx.checker.check_model(onnx.load(file), full_check=True)';
    const { status, stderr } = spawnSync(PYTHON, ['-c', program, ...files], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });
});
