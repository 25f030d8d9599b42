import { manualSeed, nn, noGrad, ops, optim, scope, type Tensor, tensor } from '@evenhand/torch';
import { headParameters } from '../../models/index.js';
import { Random } from '../../random.js';
import { trainingCounts } from '../objective/balance.js';
import { makeLoss } from '../objective/losses.js';
import { targetTensor } from '../objective/targets.js';
import { decayGroups } from '../schedule/parameter-groups.js';
import { yieldToEventLoop } from '../setup/device.js';
import { giveNewHead } from '../setup/model.js';
import { divergence } from '../training-error.js';
import { countBatches, globalEpoch, ProgressMeter, saveCheckpoint, type TrainingContext } from './context.js';
import { endEpoch } from './epoch-end.js';
import { type Features, type ImageFeatures, passesOf } from './frozen-features.js';
import { copyFromMain } from './group.js';
import { LateValues } from './late-values.js';
import { drawOrder } from './loaders.js';
import type { TrainingState } from './state.js';
import { headEpochsOf } from './time-budget.js';

/** The loss of logits [B,K] of the training images `rows`, int64 [B]. */
type HeadLoss = (logits: Tensor, rows: Tensor) => Tensor;

/**
 * Phase 1: trains the head while the backbone is frozen, BatchNorm statistics included. The features are therefore computed
 * once per view and used `headPasses` times, at a learning rate that follows a cosine. The first epoch uses the images
 * without augmentation, as predictions do; each later epoch adds an augmented view of every image. MixUp and CutMix mix
 * images and take no part.
 *
 * @param frozen features by the pretrained backbone
 * @returns false if it was interrupted; the checkpoint is that of the last epoch that ended
 */
export async function headPhase(
  context: TrainingContext,
  state: TrainingState,
  frozen: ImageFeatures,
): Promise<boolean> {
  // A checkpoint between the phases leaves nothing to do, and features would be computed in vain.
  const { epoch, budget } = state.position;
  if (epoch >= (budget?.headEpochs ?? context.config.headEpochs)) return true;
  return trainOnFeatures(context, state, frozen, () => headEpochsOf(context, state));
}

/**
 * Phase 3: trains a new head as phase 1 does, on the features of the fine-tuned backbone: at the final image size, and without
 * MixUp and CutMix (classifier re-training: Kang et al., arXiv 1910.09217).
 *
 * @returns false if it was interrupted; the checkpoint is that of the last epoch that ended
 */
export async function newHeadPhase(context: TrainingContext, state: TrainingState): Promise<boolean> {
  const { config, data, model } = context;
  const { position } = state;
  if (position.epoch >= config.newHeadEpochs) return true;
  if (position.epoch === 0) {
    manualSeed(new Random(config.seed, globalEpoch(config, state)).uint32());
    giveNewHead(model, config, data.classes.length);
  }
  const images = passesOf(context, state);
  return trainOnFeatures(context, state, images, () => config.newHeadEpochs).finally(() => images.close());
}

/** @param countEpochs is called when the speed is known at which features are computed */
async function trainOnFeatures(
  context: TrainingContext,
  state: TrainingState,
  images: ImageFeatures,
  countEpochs: () => number,
): Promise<boolean> {
  const { config, data, model, preset, device, folder, group } = context;
  const { position } = state;
  const count = data.train.length;
  const numClasses = data.classes.length;
  const posterior = state.labels?.train ?? null;
  nn.setTraining(model, false);
  const optimizer = new optim.AdamW(decayGroups(headParameters(model), config.headPhaseRate, config.weightDecay));
  const batchLoss = makeLoss(config, trainingCounts(data.train, posterior, numClasses), device);
  const targets = targetTensor(data.train, posterior, numClasses, device);
  const loss: HeadLoss = (logits, rows) => batchLoss(logits, { a: ops.indexSelect(targets, 0, rows), lambda: 1 });
  const features: Features[] = [];
  try {
    state.beginPhase(optimizer);
    const validation = await images.of('val', 'plain');
    if (!validation) return false;
    features.push(validation);
    const start = performance.now();
    const plain = await images.of('train', 'plain');
    if (!plain) return false;
    features.push(plain);
    const plainSeconds = (performance.now() - start) / 1000;

    const epochs = countEpochs();
    while (position.epoch < epochs) {
      const isFirst = position.epoch === 0;
      const meter = new ProgressMeter(context, state, 'features', count);
      const augmented = isFirst ? null : await images.of('train', globalEpoch(config, state));
      if (!isFirst && !augmented) return false;
      const views = augmented ? [plain.values, augmented.values] : [plain.values];
      const trained = await trainHead(context, state, optimizer, views, loss, epochs).finally(() =>
        augmented?.values.dispose(),
      );
      // Each process trains the same head: it is small. Processors of other kinds may round otherwise.
      if (group) scope(() => copyFromMain(group, [...headParameters(model), ...optimizer.stateDict().values()]));
      const logits = scope(() => noGrad(() => model.classifier.forward(validation.values).toArray() as Float32Array));
      endEpoch(context, state, logits, {
        size: preset.crop,
        trainLoss: trained.loss,
        backboneRate: 0,
        headRate: trained.learningRate,
        seconds: meter.seconds + (isFirst ? plainSeconds : 0),
        imagesPerSecond: (augmented ?? plain).imagesPerSecond,
      });
      saveCheckpoint(context, state);
      folder.writeEpochs(position.epochs);
    }
  } finally {
    state.endPhase();
    for (const { values } of features) values.dispose();
    targets.dispose();
    batchLoss.dispose();
  }
  return true;
}

/** Trains the head on the features [N,F] of each view, `headPasses` passes per view. */
async function trainHead(
  context: TrainingContext,
  state: TrainingState,
  optimizer: optim.Optimizer,
  views: readonly Tensor[],
  loss: HeadLoss,
  headEpochs: number,
): Promise<{ loss: number; learningRate: number }> {
  const { config, data, model, device } = context;
  const { position } = state;
  const { batchSize, headPasses, headPhaseRate, seed } = config;
  const count = data.train.length;
  const { batches } = countBatches(count, batchSize);
  const epoch = globalEpoch(config, state);
  const passes = views.length * headPasses;
  // The first epoch has one view, each later one has two.
  const countSteps = (epochs: number): number => Math.max(0, 2 * epochs - 1) * headPasses * batches;
  const schedule = optim.cosine({ totalSteps: countSteps(headEpochs) });
  const stepsBefore = countSteps(position.epoch);
  const meter = new ProgressMeter(context, state, 'head', passes * count);
  const parameters = headParameters(model);
  const requireFinite = (value: number, name: string): void => {
    if (Number.isFinite(value)) return;
    throw divergence(config, 'head', `The ${name} is ${value} in epoch ${position.epoch + 1} of the head phase`);
  };
  let [lossSum, learningRate] = [0, headPhaseRate];
  const lossAndNorm = new LateValues(([value, norm]) => {
    requireFinite(value!, 'loss');
    requireFinite(norm!, 'gradient norm');
    lossSum += value!;
  });
  nn.setTraining(model.classifier, true);
  try {
    for (let pass = 0; pass < passes; pass++) {
      const order = drawOrder(config, data, state, new Random(seed, epoch, pass).uint32());
      for (let batch = 0; batch < batches; batch++) {
        manualSeed(new Random(seed, epoch, pass, batch).uint32());
        learningRate = headPhaseRate * schedule(stepsBefore + pass * batches + batch);
        for (const group of optimizer.groups) group.learningRate = learningRate;
        const rows = order.subarray(batch * batchSize, (batch + 1) * batchSize);
        // Views alternate within a batch, and each begins in turn from pass to pass.
        const rowsByView = views.map((_, v) => rows.filter((_, i) => (i + pass) % views.length === v));
        scope(() => {
          optimizer.zeroGrad();
          const indices = rowsByView.map((some) => tensor(some, [some.length], { dtype: 'int64', device }));
          const inputs = views.map((view, v) => ops.indexSelect(view, 0, indices[v]!));
          const value = loss(model.classifier.forward(ops.cat(inputs, 0)), ops.cat(indices, 0));
          value.backward();
          const norm = optim.gradNorm(parameters);
          optimizer.step();
          lossAndNorm.push(ops.stack([ops.detach(value), norm]), null);
        });
      }
      lossAndNorm.settle();
      meter.report((pass + 1) * count, { loss: lossSum / ((pass + 1) * batches), learningRate });
      await yieldToEventLoop();
    }
  } finally {
    lossAndNorm.dispose();
  }
  nn.setTraining(model.classifier, false);
  optimizer.zeroGrad();
  return { loss: lossSum / (passes * batches), learningRate };
}
