import { freemem } from 'node:os';
import { gpuInfo, nn, ops, optim, peakCpuMemory, scope, TorchError } from '@evenhand/torch';
import type { ImageModel, ModelSpec } from '../../models/index.js';
import { ConfigError } from '../config/field.js';
import { type Config, RECIPE_BATCH_SIZE, type RunConfig } from '../config/fields.js';
import type { TrainEvent } from '../events.js';
import { discriminativeGroups } from '../schedule/parameter-groups.js';
import { chooseHalfType, type HalfType, inHalf } from '../setup/device.js';
import { buildModel, presetAt } from '../setup/model.js';
import { TrainingError } from '../training-error.js';
import type { TrainingContext } from './context.js';
import { Ema } from './ema.js';
import { type Group, valuesOf, worldSizeOf } from './group.js';
import { isOutOfMemory } from './in-parts.js';
import { update } from './update.js';

/** Shares of the memory that a trial may use: the rest is for what a trial does not have, and for other programs. */
const GPU_SHARE = 0.94;
const CPU_SHARE = 0.8;

/**
 * The largest batch for which `trial` does not run out of memory: `largest` or a smaller divisor of `wanted`, so that
 * accumulation makes up the rest exactly. Each that is tried is at most half of the one before. 0 if none fits.
 */
export function largestThatFits(wanted: number, trial: (batchSize: number) => void, largest = wanted): number {
  for (let size = largest; size >= 1; size = nextSize(wanted, size)) {
    try {
      trial(size);
      return size;
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
    }
  }
  return 0;
}

function nextSize(wanted: number, size: number): number {
  let next = Math.floor(size / 2);
  while (next > 1 && wanted % next !== 0) next--;
  return next;
}

/** What one step trains with. */
interface Trainee {
  readonly model: ImageModel;
  readonly optimizer: optim.Optimizer;
  readonly half: HalfType;
  readonly device: string;
  /** Width and height of the images. */
  readonly size: number;
  readonly numClasses: number;
}

/** Trains one step on made-up images, which changes the model. @throws TorchError if memory runs out */
function trainOnce({ model, optimizer, half, device, size, numClasses }: Trainee, batchSize: number): void {
  nn.setTraining(model, true);
  optimizer.zeroGrad();
  scope(() => {
    // As in training, the images before they are mixed are kept until the end of the step.
    const [images] = [0, 1].map(() => ops.permute(ops.zeros([batchSize, size, size, 3], { device }), [0, 3, 1, 2]));
    const targets = ops.full([batchSize, numClasses], 1 / numClasses, { device });
    const logits = inHalf(half, device, () => model.forward(images!));
    nn.crossEntropy(ops.to(logits, { dtype: 'float32' }), targets).backward();
    update(nn.parameters(model), optimizer, 1, undefined);
  });
}

/**
 * The configuration with the batch size that `auto` stands for: the recipe's, or if it does not fit into memory the largest
 * that does, with as many accumulation steps as keep the effective batch, and so the learning rates. It is found by training
 * a model that is thrown away, so that nothing of the run depends on it: whoever builds the model of the run seeds first.
 *
 * @throws TrainingError if not even one image fits
 */
export function chooseBatchSize(
  config: Config,
  spec: ModelSpec,
  numClasses: number,
  device: string,
  onEvent: (event: TrainEvent) => void,
  group: Group = null,
): RunConfig {
  const worldSize = worldSizeOf(group);
  const { batchSize } = config;
  if (batchSize !== 'auto') {
    requireDivisible(batchSize, worldSize);
    return { ...config, batchSize };
  }
  // Of each process; the nearest to the recipe's that can be divided equally.
  const recipes = Math.max(1, Math.round(RECIPE_BATCH_SIZE / worldSize));
  const wanted = recipes * config.accumulate;
  // Without a full phase nothing is trained that does not fit.
  if (config.epochs === 0) return { ...config, batchSize: recipes * worldSize };
  const model = buildModel(spec, config, numClasses, device);
  const optimizer = new optim.AdamW(discriminativeGroups(model, config));
  const ema = config.ema > 0 ? new Ema(model, config.ema) : null;
  try {
    const { crop: size } = presetAt(spec.preset, config.imageSize);
    const trainee = { model, optimizer, half: chooseHalfType(config, device), device, size, numClasses };
    const share = CPU_SHARE / (group?.localWorldSize ?? 1);
    const fits = largestThatFits(wanted, device === 'cpu' ? boundedByFreeMemory(trainee, share) : withReserve(trainee));
    if (fits === 0) throw nothingFits(device, size);
    const found = Math.min(...valuesOf(group, fits));
    const accumulate = wanted / found;
    onEvent({ type: 'note', text: describeChoice(found * worldSize, accumulate, device) });
    return { ...config, batchSize: found * worldSize, accumulate };
  } finally {
    optimizer.dispose();
    ema?.dispose();
    nn.disposeModule(model);
  }
}

/** A trial on a GPU: a step, after one that has made the optimizer's moments, beside a block of reserved memory. */
function withReserve(trainee: Trainee): (batchSize: number) => void {
  const total = (gpuInfo(trainee.device)?.memoryMB ?? 0) * 1e6;
  return (batchSize) =>
    scope(() => {
      trainOnce(trainee, Math.min(batchSize, 2));
      ops.empty([Math.round(total * (1 - GPU_SHARE))], { dtype: 'uint8', device: trainee.device });
      trainOnce(trainee, batchSize);
    });
}

/**
 * A trial on the CPU, where the system ends a process that takes too much: memory grows evenly with the batch, so steps of
 * two sizes foretell it.
 */
function boundedByFreeMemory(trainee: Trainee, share: number): (batchSize: number) => void {
  const available = share * freemem();
  const before = peakCpuMemory({ reset: true });
  const bytesOf = (batchSize: number): number => {
    peakCpuMemory({ reset: true });
    trainOnce(trainee, batchSize);
    return peakCpuMemory() - before;
  };
  let two: number;
  let four: number;
  try {
    // The first step makes the optimizer's moments.
    [, two, four] = [bytesOf(2), bytesOf(2), bytesOf(4)];
  } catch (error) {
    if (isOutOfMemory(error)) return withReserve(trainee);
    throw error;
  }
  return (batchSize) => {
    const bytes = two + ((batchSize - 2) * (four - two)) / 2;
    if (bytes > available) throw new TorchError(`${Math.round(bytes / 1e6)} MB are not free`, 'TORCH_OUT_OF_MEMORY');
  };
}

function describeChoice(batchSize: number, accumulate: number, device: string): string {
  const kept = `, with ${accumulate} gradient accumulation steps to keep the effective batch size of ${batchSize * accumulate}`;
  const why = accumulate > 1 ? `${kept}: the largest that fits` : ': it fits';
  return `Batch size ${batchSize}${why} into the memory of ${device}.`;
}

/** @throws ConfigError if not every process would have equally many images of a batch */
export function requireDivisible(batchSize: number, worldSize: number): void {
  if (batchSize % worldSize === 0) return;
  const [less, more] = [Math.floor, Math.ceil].map((round) => round(batchSize / worldSize) * worldSize);
  throw new ConfigError(
    `batchSize is ${batchSize}, which cannot be divided equally among ${worldSize} processes: set it to ${less === 0 ? more : `${less} or ${more}`}`,
  );
}

const nothingFits = (device: string, size: number): TrainingError =>
  new TrainingError(
    `The memory of ${device} is too small for a training step with one image of ${size} x ${size} pixels: set imageSize lower, or choose a smaller model or another device`,
  );

/**
 * The error of a training step for which the memory was too small, with the batch size that fits: found by trying smaller
 * ones, which ruins the weights in memory. The checkpoint is that of before.
 */
export function stepOutOfMemory(context: TrainingContext, optimizer: optim.Optimizer, size: number): TrainingError {
  const { config, model, half, device, data, group } = context;
  const worldSize = worldSizeOf(group);
  const { batchSize, accumulate } = config;
  const wanted = (batchSize * accumulate) / worldSize;
  const trainee = { model, optimizer, half, device, size, numClasses: data.classes.length };
  const found = largestThatFits(
    wanted,
    (smaller) => trainOnce(trainee, smaller),
    nextSize(wanted, batchSize / worldSize),
  );
  if (found === 0) return nothingFits(device, size);
  const steps = `${wanted / found} accumulation steps keep the effective batch size of ${wanted * worldSize}`;
  return new TrainingError(
    `Out of memory on ${device} with batches of ${batchSize} images of ${size} x ${size} pixels: batches of ${found * worldSize} fit, and ${steps}`,
    { batchSize: found * worldSize, accumulate: wanted / found },
  );
}
