// Frozen features of `npm run bench -- balance`, the classifiers that are trained on them, and what can be done to them afterwards.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  keep,
  manualSeed,
  nn,
  noGrad,
  ops,
  optim,
  readTensors,
  saveTensors,
  scope,
  type Tensor,
  tensor,
} from '@evenhand/torch';
import { type Config, type ImageModel, replaceHead } from 'evenhand';
import { Random } from 'evenhand/random';
import { epochOrder, Loader, type PassOptions, type SamplerOptions, softEpochOrder } from '#evenhand/data/index.js';
import { buildModel, extractFeatures, findSpec, loadBackbone, presetAt } from '#evenhand/train/index.js';
import { samplerOptions } from '#evenhand/train/objective/balance.js';
import { makeLoss } from '#evenhand/train/objective/losses.js';
import { decayGroups } from '#evenhand/train/schedule/parameter-groups.js';
import type { Pool } from './balance-data.js';

/** Features [N,F] of all images of a pool: as they are, then of one augmented view for each further epoch. */
export type Views = readonly Tensor[];

/** What a classifier is trained on. */
export interface HeadTask {
  readonly views: Views;
  /** [n] rows of the features. */
  readonly rows: Int32Array;
  /** [n] classes, or [n,K] probabilities. */
  readonly targets: Int32Array | Float32Array;
  /** [K] training images, or their expected numbers. */
  readonly counts: ArrayLike<number>;
  readonly numClasses: number;
}

/** A linear classifier. */
export interface Linear {
  /** [K,F] */
  readonly weight: Tensor;
  /** [K] */
  readonly bias: Tensor;
}

/** The features of a pool by the pretrained backbone. They are kept in `folder`. The model is the one to give new heads. */
export async function frozenFeatures(folder: string, pool: Pool, config: Config): Promise<[ImageModel, Views]> {
  const spec = await findSpec(config.model);
  const model = buildModel(spec, config, pool.classes.length, 'cpu');
  const file = join(folder, `${pool.name}-features.safetensors`);
  const viewsOf = (tensors: ReadonlyMap<string, Tensor>): Views =>
    Array.from({ length: tensors.size }, (_, i) => keep(tensors.get(`${i}`)!));
  if (existsSync(file)) return [model, scope(() => viewsOf(readTensors(file)))];
  await loadBackbone(model, spec, config, () => {});
  nn.setTraining(model, false);
  const views: Tensor[] = [];
  for (let epoch = 0; epoch < config.headEpochs; epoch++) {
    views.push(await featuresOf(model, pool, config, epoch));
    process.stderr.write(`${pool.name}: features of view ${epoch + 1} of ${config.headEpochs}\n`);
  }
  saveTensors(file, new Map(views.map((view, i) => [`${i}`, view])));
  return [model, views];
}

/** Features [N,F] of all images of the pool: without augmentation in epoch 0. */
export async function featuresOf(model: ImageModel, pool: Pool, config: Config, epoch: number): Promise<Tensor> {
  const preset = presetAt((await findSpec(config.model)).preset, config.imageSize);
  const { cropScale, cropRatio, horizontalFlip, rotation, brightness, contrast, saturation, hue } = config;
  const colorJitter = { brightness, contrast, saturation, hue };
  const augment = {
    scale: cropScale,
    ratio: cropRatio,
    horizontalFlip,
    verticalFlip: 0,
    rotation,
    erasing: 0,
    colorJitter,
  };
  const samples = pool.files.map((path, i) => ({ file: path, label: pool.labels[i]! }));
  const loader = new Loader({
    samples,
    batchSize: 32,
    preset,
    seed: config.seed,
    workers: 2,
    ...(epoch === 0 ? {} : { augment }),
  });
  const pass: PassOptions = { epoch };
  try {
    const half = null;
    const count = samples.length;
    return (await extractFeatures({ model, loader, preset, device: 'cpu', half, count, pass, onBatch: () => true }))!;
  } finally {
    await loader.close();
  }
}

/**
 * Trains a new head as phase 1 does: the first epoch on the images as they are, each later one also on an augmented view,
 * `headPasses` passes of each view, with a cosine schedule. The caller disposes of the classifier.
 */
export function trainHead(model: ImageModel, task: HeadTask, config: Config): Linear {
  const { views, rows, targets, counts, numClasses } = task;
  const { headEpochs, headPasses, headPhaseRate, batchSize, seed, weightDecay } = config;
  if (batchSize === 'auto') throw new RangeError('batchSize must be a number.');
  manualSeed(seed);
  replaceHead(model, numClasses);
  const head = model.classifier;
  const parameters = nn.parameters(head);
  const optimizer = new optim.AdamW(decayGroups(parameters, headPhaseRate, weightDecay));
  const soft = targets instanceof Float32Array;
  const loss = makeLoss(config, counts, 'cpu');
  const sampler = samplerOptions(config);
  const all = keep(tensor(targets, soft ? [rows.length, numClasses] : [rows.length], soft ? {} : { dtype: 'int64' }));
  const batches = Math.max(1, Math.floor(rows.length / batchSize));
  const schedule = optim.cosine({ totalSteps: (2 * headEpochs - 1) * headPasses * batches });
  nn.setTraining(head, true);
  let step = 0;
  for (let epoch = 0; epoch < headEpochs; epoch++) {
    const shown = epoch === 0 ? [views[0]!] : [views[0]!, views[epoch]!];
    for (let pass = 0; pass < shown.length * headPasses; pass++) {
      const order = orderOf(task, sampler, new Random(seed, epoch, pass).uint32(), epoch);
      for (let batch = 0; batch < batches; batch++, step++) {
        for (const group of optimizer.groups) group.learningRate = headPhaseRate * schedule(step);
        const chosen = order.subarray(batch * batchSize, (batch + 1) * batchSize);
        const byView = shown.map((_, v) => chosen.filter((_, i) => (i + pass) % shown.length === v));
        scope(() => {
          optimizer.zeroGrad();
          const inputs = shown.map((view, v) => ops.indexSelect(view, 0, int64(byView[v]!.map((i) => rows[i]!))));
          const a = ops.indexSelect(all, 0, int64(Int32Array.from(byView.flatMap((some) => [...some]))));
          loss(head.forward(ops.cat(inputs, 0)), { a, lambda: 1 }).backward();
          optimizer.step();
        });
      }
    }
  }
  nn.setTraining(head, false);
  optimizer.dispose();
  loss.dispose();
  all.dispose();
  return linearOf(model);
}

/** A copy of the model's classifier. The caller disposes of it. */
export function linearOf(model: ImageModel): Linear {
  const [weight, bias] = nn.parameters(model.classifier);
  return scope(() => ({ weight: keep(ops.clone(ops.detach(weight!))), bias: keep(ops.clone(ops.detach(bias!))) }));
}

/** Logits [n,K] of rows of features. */
export function logitsOf({ weight, bias }: Linear, features: Tensor, rows: Int32Array): Float32Array {
  return scope(() =>
    noGrad(() => ops.linear(ops.indexSelect(features, 0, int64(rows)), weight, bias).toArray() as Float32Array),
  );
}

/**
 * The classifier with weights w / |w|^tau and without bias: Kang et al., arXiv 1910.09217. The caller disposes of it.
 */
export function tauNormalised({ weight, bias }: Linear, tau: number): Linear {
  return scope(() =>
    noGrad(() => {
      const norm = ops.sqrt(ops.sumDim(ops.mul(weight, weight), [1], true));
      return { weight: keep(ops.div(weight, ops.pow(norm, tau))), bias: keep(ops.mulScalar(bias, 0)) };
    }),
  );
}

/** Logits - tau log(share of the class in training): Menon et al., arXiv 2007.07314, section 4.1. */
export function adjusted(logits: Float32Array, counts: ArrayLike<number>, tau: number): Float32Array {
  const prior = Float64Array.from(counts, (n) => Math.max(n, 0.5));
  const total = prior.reduce((sum, n) => sum + n, 0);
  return logits.map((logit, i) => logit - tau * Math.log(prior[i % prior.length]! / total));
}

export function disposeLinear({ weight, bias }: Linear): void {
  weight.dispose();
  bias.dispose();
}

const int64 = (values: Int32Array): Tensor => tensor(values, [values.length], { dtype: 'int64' });

function orderOf({ targets, numClasses }: HeadTask, sampler: SamplerOptions, seed: number, epoch: number): Int32Array {
  if (targets instanceof Float32Array) return softEpochOrder({ posterior: targets, numClasses }, sampler, seed, epoch);
  return epochOrder(targets, sampler, seed, epoch);
}
