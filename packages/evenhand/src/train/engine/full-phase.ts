import { nn, optim } from '@evenhand/torch';
import type { Loader } from '../../data/index.js';
import { sampleWeights, trainingCounts } from '../objective/balance.js';
import { makeLoss } from '../objective/losses.js';
import { targetTensor } from '../objective/targets.js';
import { discriminativeGroups } from '../schedule/parameter-groups.js';
import { imageSizeAt } from '../schedule/progressive-size.js';
import { stepOutOfMemory } from './batch-size.js';
import { countBatches, saveCheckpoint, type TrainingContext } from './context.js';
import { Ema } from './ema.js';
import { countEpochsWithoutGain, endEpoch } from './epoch-end.js';
import { passesOf } from './frozen-features.js';
import { isOutOfMemory } from './in-parts.js';
import { judgeLabels } from './label-noise.js';
import { drawOrder, trainingLoader } from './loaders.js';
import { Pacer } from './pacer.js';
import type { TrainingState } from './state.js';
import { StepExchange } from './step-exchange.js';
import { trainEpoch } from './train-epoch.js';
import { TrainingStep } from './training-step.js';
import { validate } from './validate.js';
import { estimateStatistics, WeightAverage } from './weight-average.js';

/**
 * Phase 2: trains the whole network with discriminative learning rates, warm-up and cosine, until the last epoch or until
 * `patience` epochs have brought no better Macro F1.
 *
 * @returns false if it was interrupted; the checkpoint is that of the last step
 */
export async function fullPhase(context: TrainingContext, state: TrainingState): Promise<boolean> {
  const { config, data, model, preset, device, half, folder, group } = context;
  const { position } = state;
  const { batches } = countBatches(data.train.length, config.batchSize);
  const updatesPerEpoch = Math.ceil(batches / config.accumulate);
  const schedule = optim.cosine({
    totalSteps: config.epochs * updatesPerEpoch,
    warmupSteps: Math.round(config.warmupEpochs * updatesPerEpoch),
  });
  const optimizer = new optim.AdamW(discriminativeGroups(model, config));
  const baseRates = optimizer.groups.map(({ learningRate }) => learningRate);
  const ema = config.ema > 0 ? new Ema(model, config.ema) : null;
  const average = config.average > 0 ? new WeightAverage(model) : null;
  const pacer = context.budget ? new Pacer(context, state, updatesPerEpoch) : null;
  /** The epoch of the schedule, which with a budget is not that of the images. */
  const scheduledEpoch = (): number => pacer?.epoch ?? position.epoch;
  /** Updates of the schedule before the given batch of the current epoch. */
  const placeOf = (step: number): number =>
    pacer?.position ?? position.epoch * updatesPerEpoch + Math.floor(step / config.accumulate);
  const exchange = group ? new StepExchange(group, model) : null;
  let objective = makeObjective(context, state);
  let trainingStep: TrainingStep | null = null;
  const disposeStep = (): void => {
    trainingStep?.dispose();
    trainingStep = null;
  };
  const disposeObjective = (): void => {
    disposeStep();
    objective.loss.dispose();
    objective.targets.dispose();
  };
  let loader: Loader | null = null;
  let loaderSize = 0;
  try {
    state.beginPhase(optimizer, ema, average);
    state.countBatchesOf(config.batchSize);
    // A stop after the last update of a budget leaves an epoch that is not validated yet.
    const isOver = (): boolean => (pacer ? pacer.isOver && position.step === 0 : position.epoch >= config.epochs);
    while (!isOver()) {
      const size = imageSizeAt(config, preset.crop, scheduledEpoch());
      if (!loader || size !== loaderSize) {
        await loader?.close();
        loader = trainingLoader(context, size);
        loaderSize = size;
        disposeStep();
      }
      if (shouldJudgeAgain(context, state, scheduledEpoch())) {
        const images = passesOf(context, state);
        const judged = await judgeLabels(context, state, images).finally(() => images.close());
        if (!judged) return saveInterrupted(context, state);
        position.refreshed = true;
        disposeObjective();
        objective = makeObjective(context, state);
      }
      const { loss, targets, weights } = objective;
      const { clipNorm, cudaGraph } = config;
      const parameters = nn.parameters(model);
      const inputs = { model, parameters, loss, optimizer, device, half, clipNorm, cudaGraph, exchange };
      trainingStep ??= new TrainingStep(inputs);
      const trained = await trainEpoch(context, state, {
        model,
        loader,
        optimizer,
        trainingStep,
        targets,
        weights,
        ema,
        order: drawOrder(config, data, state, config.seed),
        size,
        updatesBefore: position.epoch * updatesPerEpoch,
        pacer,
        setLearningRates(step) {
          const factor = schedule(placeOf(step));
          for (const [i, group] of optimizer.groups.entries()) group.learningRate = baseRates[i]! * factor;
        },
      }).catch((error: unknown) => {
        // Trials with smaller batches need the memory of the graphs.
        disposeStep();
        throw isOutOfMemory(error) ? stepOutOfMemory(context, optimizer, size) : error;
      });
      if (!trained) return false;

      const endFactor = schedule(pacer?.position ?? (position.epoch + 1) * updatesPerEpoch - 1);
      const validateAndScore = async () => {
        const start = performance.now();
        const logits = await validate(context, state);
        if (!logits) return false;
        const validationSeconds = (performance.now() - start) / 1000;
        pacer?.validationTook(validationSeconds);
        endEpoch(context, state, logits, {
          size,
          trainLoss: position.lossSum / position.step,
          backboneRate: config.backboneRate * endFactor,
          headRate: config.headRate * endFactor,
          ...trained,
          seconds: trained.seconds + validationSeconds,
        });
        return true;
      };
      const validated = await (ema ? ema.evaluate(validateAndScore) : validateAndScore());
      if (!validated) return saveInterrupted(context, state);

      if (average && scheduledEpoch() > config.epochs - config.average) {
        average.add();
        position.averagedEpochs = average.count;
      }
      const mayStop = config.patience > 0 && config.keep !== 'last';
      if (mayStop && countEpochsWithoutGain(position.epochs, config.minGain) >= config.patience) {
        position.stoppedEarly = position.epoch < config.epochs;
        position.epoch = config.epochs;
      }
      saveCheckpoint(context, state);
      folder.writeEpochs(position.epochs);
    }
    if (average && average.count > 1 && !position.isAverageScored) {
      if (!(await scoreAverage(context, state, average))) return false;
    }
    if (config.newHeadEpochs > 0) ema?.apply();
  } finally {
    state.endPhase();
    disposeObjective();
    exchange?.dispose();
    await loader?.close();
  }
  return true;
}

/**
 * Scores the mean of the weights like an epoch, and keeps it in the model if it is the best.
 *
 * @returns false if it was interrupted
 */
async function scoreAverage(context: TrainingContext, state: TrainingState, average: WeightAverage): Promise<boolean> {
  const { folder } = context;
  const { position } = state;
  const start = performance.now();
  const metrics = await average.evaluate(async () => {
    if (!(await estimateStatistics(context))) return null;
    const logits = await validate(context, state);
    if (!logits) return null;
    const { size, trainLoss, backboneRate, headRate, imagesPerSecond } = position.epochs.at(-1)!;
    const seconds = (performance.now() - start) / 1000;
    const facts = { size, trainLoss, backboneRate, headRate, imagesPerSecond, seconds, averaged: average.count };
    return endEpoch(context, state, logits, facts);
  });
  // Nothing of it has been saved, so it is done anew.
  if (!metrics) return false;
  if (metrics.best) average.apply();
  position.isAverageScored = true;
  saveCheckpoint(context, state);
  folder.writeEpochs(position.epochs);
  return true;
}

/**
 * The loss, and the targets of all training images with, for several processes, their weights in the loss, by their labels
 * as they are now. The caller disposes of the first two.
 */
function makeObjective({ config, data, device, group }: TrainingContext, { labels }: TrainingState) {
  const posterior = labels?.train ?? null;
  const numClasses = data.classes.length;
  const counts = trainingCounts(data.train, posterior, numClasses);
  return {
    loss: makeLoss(config, counts, device),
    weights: group ? sampleWeights(config, data.train, posterior, counts) : undefined,
    targets: targetTensor(data.train, posterior, numClasses, device),
  };
}

/**
 * Whether to judge the labels again by the features of the trained network: once, after half of the epochs of this phase,
 * and only if label errors were found before.
 */
function shouldJudgeAgain(
  { config }: TrainingContext,
  { labels, position }: TrainingState,
  scheduledEpoch: number,
): boolean {
  if (config.labelNoise !== 'auto' || !labels?.train || position.refreshed || position.step > 0) return false;
  return scheduledEpoch >= 1 && scheduledEpoch >= Math.ceil(config.epochs / 2);
}

function saveInterrupted(context: TrainingContext, state: TrainingState): false {
  saveCheckpoint(context, state);
  return false;
}
