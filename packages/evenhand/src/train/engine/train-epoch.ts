import { manualSeed, nn, noGrad, ops, type optim, scope, type Tensor, tensor } from '@evenhand/torch';
import type { Batch, Loader } from '../../data/index.js';
import { Random } from '../../random.js';
import { applyMix, drawMix } from '../objective/mix.js';
import { yieldToEventLoop } from '../setup/device.js';
import { presetAt, ToInput } from '../setup/model.js';
import { divergence } from '../training-error.js';
import { countBatches, globalEpoch, ProgressMeter, saveCheckpoint, type TrainingContext } from './context.js';
import type { Ema } from './ema.js';
import { isMain } from './group.js';
import { LateValues } from './late-values.js';
import type { Pacer } from './pacer.js';
import type { TrainingState } from './state.js';
import type { MixedBatch, TrainingStep } from './training-step.js';
import { startLossScale } from './update.js';

/** Seconds between checkpoints within an epoch. When they are written does not change the result. */
const CHECKPOINT_SECONDS = 300;

export interface EpochInputs {
  readonly model: nn.Module;
  readonly loader: Loader;
  readonly optimizer: optim.Optimizer;
  readonly trainingStep: TrainingStep;
  /** Targets of all training images: classes int64 [N], or probabilities float32 [N,K]. */
  readonly targets: Tensor;
  /** The weight of each training image in the loss, [N]; undefined if they are equal. */
  readonly weights: Float64Array | undefined;
  readonly ema: Ema | null;
  /** Indices of the training images in the order of the epoch. */
  readonly order: Int32Array;
  /** Image size in pixels. */
  readonly size: number;
  /** Updates of the phase before this epoch. */
  readonly updatesBefore: number;
  /** With a budget only: it ends the epoch when the time is over. */
  readonly pacer: Pacer | null;
  /** Sets the learning rates before the given batch. */
  readonly setLearningRates: (step: number) => void;
}

/**
 * Trains one epoch of the whole network, from the batch at which `state` is. A checkpoint is written from time to time,
 * and when the user interrupts.
 *
 * @returns seconds in this epoch, and images per second; null if it was interrupted
 * @throws TrainingError if the loss or the gradient norm of a step is not finite, one step later; no checkpoint is written
 */
export async function trainEpoch(
  context: TrainingContext,
  state: TrainingState,
  {
    model,
    loader,
    optimizer,
    trainingStep,
    targets,
    weights,
    ema,
    order,
    size,
    updatesBefore,
    pacer,
    setLearningRates,
  }: EpochInputs,
): Promise<{ seconds: number; imagesPerSecond: number } | null> {
  const { config, data, device, half, group } = context;
  const { position } = state;
  if (half === 'float16') position.lossScale ??= startLossScale();
  const lossScale = half === 'float16' ? position.lossScale : undefined;
  const { accumulate, batchSize } = config;
  const { batches, dropLast } = countBatches(data.train.length, batchSize);
  const epoch = globalEpoch(config, state);
  const toInput = new ToInput(presetAt(context.preset, size), device);
  const total = dropLast ? batches * batchSize : order.length;
  const doneBefore = Math.min(position.step * batchSize, total);
  const secondsBefore = position.seconds;
  const meter = new ProgressMeter(context, state, 'full', total, doneBefore);
  const parameters = nn.parameters(model);
  const requireFinite = (value: number, name: string, step: number): void => {
    if (Number.isFinite(value)) return;
    const place = `epoch ${position.epoch + 1}, step ${step}`;
    throw divergence(config, 'full', `The ${name} is ${value} in ${place}`);
  };
  let someoneStops = false;
  // The processes must stop after the same step, so each learns only from what they exchange that one of them wants to.
  const isInterrupted = (): boolean => (group ? someoneStops : context.isInterrupted());
  const lossAndNorm = new LateValues<{ step: number; learningRate: number }>((values, { step, learningRate }) => {
    const [value, stops, norm = 0] = group ? values : [values[0], 0, values[1]];
    someoneStops ||= stops! > 0;
    requireFinite(value!, 'loss', step);
    requireFinite(norm, 'gradient norm', step);
    position.lossSum += value!;
    meter.report(Math.min(step * batchSize, total), { loss: position.lossSum / step, learningRate });
  });
  let lastSave = performance.now();
  /** The share of this process's images in the weight of a batch. */
  const shareOf = ({ indices }: Batch, step: number): number => {
    if (!group) return 1;
    const whole = order.subarray(step * batchSize, (step + 1) * batchSize);
    const weightOf = (some: Int32Array): number =>
      weights ? some.reduce((sum, index) => sum + weights[index]!, 0) : some.length;
    return weightOf(indices) / weightOf(whole);
  };

  nn.setTraining(model, true);
  trainingStep.zeroGrad();
  pacer?.beginPass();
  try {
    for await (const batch of loader.batches(order, { epoch, startBatch: position.step, dropLast })) {
      if (pacer?.isOver) break;
      const { step } = position;
      const isLast = step + 1 === batches;
      const isUpdate = (step + 1) % accumulate === 0 || isLast;
      // The last group of accumulated batches may be smaller.
      const groupSize = Math.min(accumulate, batches - (step - (step % accumulate)));
      setLearningRates(step);
      manualSeed(new Random(config.seed, epoch, step, 1 + (group?.rank ?? 0)).uint32());

      const stop = context.isInterrupted();
      scope(() => {
        const mixed = mixBatch(context, toInput.of(batch), selectTargets(targets, batch), epoch, step);
        const values = trainingStep.run(mixed, { groupSize, isUpdate, lossScale, share: shareOf(batch, step), stop });
        if (isUpdate) ema?.update(updatesBefore + Math.floor(step / accumulate));
        lossAndNorm.push(values, { step: step + 1, learningRate: optimizer.groups.at(-1)!.learningRate });
      });
      position.step = step + 1;
      position.seconds = secondsBefore + meter.seconds;
      if (isUpdate) pacer?.countUpdate(size);
      await yieldToEventLoop();
      // Partly accumulated gradients are not saved, so checkpoints follow updates only.
      const isSaveDue = isMain(group) && performance.now() - lastSave > CHECKPOINT_SECONDS * 1000;
      // Before the values of this step are read, which other processes do one step later.
      const interrupted = isInterrupted();
      if (isUpdate && (interrupted || isSaveDue)) {
        lossAndNorm.settle();
        // The loss shows only one step later that an update has ruined the weights.
        requireFinite(normOf(parameters), 'norm of the weights', step + 1);
        saveCheckpoint(context, state);
        lastSave = performance.now();
        if (interrupted) return null;
      }
    }
    lossAndNorm.settle();
  } finally {
    lossAndNorm.dispose();
    toInput.dispose();
  }
  // Fewer than all if the time of a budget is over.
  const done = Math.min(position.step * batchSize, total);
  return { seconds: position.seconds, imagesPerSecond: (done - doneBefore) / meter.seconds };
}

/** The Euclidean norm of the parameters together. */
const normOf = (parameters: Tensor[]): number =>
  scope(() => noGrad(() => ops.vectorNorm(ops.stack(ops.foreachNorm(parameters))).item()));

/** The targets of a batch, of all targets [N] or [N,K]. */
function selectTargets(targets: Tensor, { indices }: Batch): Tensor {
  return ops.indexSelect(targets, 0, tensor(indices, [indices.length], { dtype: 'int64', device: targets.device }));
}

function mixBatch(
  { config }: TrainingContext,
  images: Tensor,
  labels: Tensor,
  epoch: number,
  step: number,
): MixedBatch {
  const random = new Random(config.seed, epoch, step, 0);
  const plan = drawMix(config, random, images.shape[0]!, images.shape[2]!);
  return plan ? applyMix(images, labels, plan) : { images, targets: { a: labels, lambda: 1 } };
}
