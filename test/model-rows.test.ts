// Recommended models without a network, from weights in the cache of the hub to predictions: the smallest model of each family
// with a reduced network, or with --all every model at its real size. The weights are random, under the keys of the hub's files.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { manualSeed, nn, noGrad, ops, saveTensors, scope } from '@evenhand/torch';
import { createModel, type HubRepository, type ImageModel, type ModelSpec, modelInfo, modelNames } from 'evenhand';
import { drawDiscs, readLines, succeed, temporaryFolder } from './support.js';

const COMMIT = '5'.repeat(40);
/** Classes of the published files. */
const FILE_CLASSES = 12;
/** Models with more parameters train only their head, because optimizer and checkpoints of all would need 6 GB. */
const LARGE = 150e6;

const FULL_SIZE = {};
const SMALL_VIT = { embed_dim: 48, depth: 2, num_heads: 3 };
/** The smallest model of each family, and `model_args` of its configuration that make it smaller. */
const SMALLEST: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'vit_tiny_patch16_224.augreg_in21k': SMALL_VIT,
  'eva02_tiny_patch14_336.mim_in22k_ft_in1k': SMALL_VIT,
  'convnext_atto.d2_in1k': { depths: [1, 1, 2, 1], dims: [16, 24, 32, 40] },
  'tf_efficientnetv2_b0.in1k': { channel_multiplier: 0.25, depth_multiplier: 0.5 },
  'resnet18.a1_in1k': { layers: [1, 1, 1, 1], channels: [16, 24, 32, 40] },
  'regnety_008.pycls_in1k': {},
  'mobilenetv3_small_100.lamb_in1k': {},
  'mobilenetv4_conv_small.e2400_r224_in1k': {},
  'swin_tiny_patch4_window7_224.ms_in22k': { embed_dim: 16, depths: [2, 2, 2], num_heads: [2, 4, 8] },
};

const { path: folder, remove } = temporaryFolder();
const cache = join(folder, 'hub');
before(async () => {
  process.env.HF_HUB_CACHE = cache;
  process.env.HF_HUB_OFFLINE = '1';
  await drawDiscs(join(folder, 'discs'), { train: 2, val: 2 });
});
after(remove);

const isOnHub = ({ weights }: ModelSpec): boolean => typeof weights === 'object' && 'repository' in weights;

/** What the hub's config.json says of a model, with changes of its network. */
function configOf({ architecture, preset, license }: ModelSpec, args: object): object {
  const { crop, resize, cropMode = 'center', interpolation, mean, std } = preset;
  return {
    architecture,
    num_classes: FILE_CLASSES,
    model_args: args,
    pretrained_cfg: {
      input_size: [3, crop, crop],
      crop_pct: crop / resize,
      crop_mode: cropMode,
      interpolation,
      mean,
      std,
      license: license?.id,
    },
  };
}

/**
 * Gives BatchNorms the statistics of images, as after training. With those of a new network the logits of deep ones would be
 * the same for all images.
 */
function measureStatistics(model: ImageModel): void {
  const norms = nn.modules(nn.setTraining(model, false)).filter((module) => module instanceof nn.BatchNorm2d);
  if (norms.length === 0) return;
  for (const norm of norms) {
    norm.training = true;
    Object.defineProperty(norm, 'momentum', { value: 1 });
  }
  scope(() => noGrad(() => model.forward(ops.randn([8, 3, 64, 64]))));
}

/** Writes random weights, with the head of the file's own classes, and the configuration into the cache. */
async function publish(spec: ModelSpec, args: Readonly<Record<string, unknown>>): Promise<void> {
  const { repository } = spec.weights as HubRepository;
  const home = join(cache, `models--${repository.replace('/', '--')}`);
  for (const part of ['refs', 'blobs', `snapshots/${COMMIT}`]) mkdirSync(join(home, part), { recursive: true });
  writeFileSync(join(home, 'refs/main'), COMMIT);
  writeFileSync(join(home, `snapshots/${COMMIT}/config.json`), JSON.stringify(configOf(spec, args)));
  manualSeed(1);
  const model = createModel({ ...spec, args }, { numClasses: FILE_CLASSES });
  const file = join(home, 'blobs/new');
  try {
    measureStatistics(model);
    // Files of backbones that were never classifiers have no head.
    const hasHead = !/(self-supervised|image-text)$/.test(spec.pretraining!);
    const isHead = (key: string) => key.startsWith(`${model.classifierKey}.`);
    saveTensors(file, new Map([...nn.stateDict(model)].filter(([key]) => hasHead || !isHead(key))));
  } finally {
    nn.disposeModule(model);
  }
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  const etag = hash.digest('hex');
  renameSync(file, join(home, 'blobs', etag));
  symlinkSync(`../../blobs/${etag}`, join(home, `snapshots/${COMMIT}/model.safetensors`));
}

/** A small image size that the model can have. */
function imageSizeOf({ architecture }: ModelSpec): number {
  const patch = Number(/_patch(1\d|3\d)/.exec(architecture)?.[1] ?? 16);
  return architecture.startsWith('swin_') ? 64 : 2 * patch;
}

async function checkRow(spec: ModelSpec, model: string, args: Readonly<Record<string, unknown>>): Promise<void> {
  const size = imageSizeOf(spec);
  const isLarge = args === FULL_SIZE && spec.parameters! > LARGE;
  const training = [
    ...['--model', model, '--image-size', String(size), '--batch-size', '4', '--threads', '1', '--workers', '1'],
    ...['--recipe', 'strong', '--label-noise', 'off', '--head-epochs', '1', '--head-phase-rate', '0.01'],
    ...['--epochs', isLarge ? '0' : '1', '--head-rate', '0.01', '--ema', '0'],
  ];
  const printed = await succeed(['train', 'discs', '--run', 'run', ...training], folder);
  const { repository } = spec.weights as HubRepository;
  assert.match(printed, /^Backbone: \S+, weights from .*model\.safetensors$/m);

  const recorded = JSON.parse(readFileSync(join(folder, 'run/model.json'), 'utf8'));
  assert.equal(recorded.name, model);
  assert.deepEqual(recorded.license, spec.license);
  assert.deepEqual([recorded.loaded.repository, recorded.loaded.commit], [repository, COMMIT]);
  assert.match(recorded.loaded.sha256, /^[0-9a-f]{64}$/);

  const exported = await succeed(['export', 'run', '--out', 'again.onnx'], folder);
  const difference = Number(/logits differ from the checkpoint's by at most (\S+)/.exec(exported)?.[1]);
  const rows = readLines(join(folder, 'run/predictions.jsonl')) as { label: string; logits: number[] }[];
  assert.equal(rows.length, 6);
  const variation = Math.max(
    ...[0, 1, 2].map((k) => {
      const logits = rows.map((row) => row.logits[k]!);
      return Math.max(...logits) - Math.min(...logits);
    }),
  );
  assert.ok(variation > 1e-3, `the logits of all images are too much alike to be compared: ${variation}`);
  // Rounding grows with the logits, which are large where a few small images give the statistics.
  const most = Math.min(0.01 * variation, 1e-4 * Math.max(1, variation));
  assert.ok(difference <= most, `${exported}\nThe images differ by ${variation}`);

  const lines = await succeed(['predict', 'again.onnx', 'discs/val', '--json', '--threads', '1'], folder);
  const labels = lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).label as string);
  assert.equal(labels.length, 6);
  assert.ok(labels.every((label) => ['blue', 'green', 'red'].includes(label)));

  const evaluation = JSON.parse(await succeed(['eval', 'run', '--threads', '1', '--json', '-'], folder));
  const best = readLines(join(folder, 'run/metrics.jsonl')).findLast((epoch) => epoch.best)!;
  assert.deepEqual([evaluation.macroF1, evaluation.loss], [best.macroF1, best.valLoss]);
}

function testRow(name: string, model: string, args: Readonly<Record<string, unknown>>): void {
  const spec = modelInfo(name);
  test(model, async () => {
    try {
      await publish(spec, args);
      await checkRow(spec, model, args);
    } finally {
      for (const made of ['run', 'again.onnx', 'hub']) rmSync(join(folder, made), { recursive: true, force: true });
    }
  });
}

describe('the smallest model of each family trains, exports, predicts and evaluates', () => {
  for (const [name, args] of Object.entries(SMALLEST)) testRow(name, `hf-hub:timm/${name}`, args);
});

const skip = process.env.EVENHAND_TEST_ALL ? false : 'needs npm test -- --all';
describe('every model of the hub trains, exports, predicts and evaluates', { skip }, () => {
  const specs = modelNames().map(modelInfo).filter(isOnHub);
  for (const { name } of specs.sort((a, b) => a.parameters! - b.parameters!)) testRow(name, name, FULL_SIZE);
});
