import type { Preset } from '@evenhand/predict';
import {
  type AugmentOptions,
  epochOrder,
  Loader,
  type RecordCache,
  type Sample,
  softEpochOrder,
} from '../../data/index.js';
import { type Config, RECIPE_BATCH_SIZE } from '../config/fields.js';
import { samplerOptions } from '../objective/balance.js';
import { squashSizeOf } from '../setup/image-cache.js';
import { presetAt } from '../setup/model.js';
import type { Prepared } from '../setup/prepare.js';
import { globalEpoch, type TrainingContext } from './context.js';
import { coresOf, type Group, partOf, worldSizeOf } from './group.js';
import type { TrainingState } from './state.js';

/** Augmented images of `size` x `size` pixels, by default those of the training. */
export function trainingLoader(
  { config, preset, data, cache, group }: TrainingContext,
  size: number,
  samples: readonly Sample[] = data.train,
): Loader {
  return new Loader({
    samples,
    batchSize: config.batchSize,
    preset: presetAt(preset, size),
    augment: augmentOptions(config),
    seed: config.seed,
    squash: squashSizeOf(config, preset),
    ...machineOptions(config, cache, group),
  });
}

/** Images as predictions will see them, in batches that suit the device: of each batch the part of this process. */
export function evaluationLoader(
  config: Config,
  preset: Preset,
  samples: readonly Sample[],
  device: string,
  cache?: RecordCache,
  group: Group = null,
): Loader {
  const worldSize = worldSizeOf(group);
  const trained = config.batchSize === 'auto' ? config.batchSize : config.batchSize / worldSize;
  const batchSize = worldSize * evaluationBatch(trained, preset.crop, device);
  return new Loader({ samples, batchSize, preset, ...machineOptions(config, cache, group) });
}

/**
 * Images per batch without gradients. A GPU is fast only with many images, and needs no memory for activations here; a CPU
 * gains nothing by more than it trains with.
 */
export function evaluationBatch(batchSize: Config['batchSize'], size: number, device: string): number {
  const trained = batchSize === 'auto' ? RECIPE_BATCH_SIZE : batchSize;
  if (device === 'cpu') return trained;
  const fast = 2 ** Math.floor(Math.log2(256 * (224 / size) ** 2));
  return Math.max(trained, Math.min(Math.max(fast, 16), 512));
}

/** What has no influence on the pixels. */
const machineOptions = ({ workers }: Config, cache: RecordCache | undefined, group: Group) => ({
  workers: workers || coresOf(group),
  ...(cache ? { cache } : {}),
  ...(group ? { part: partOf(group) } : {}),
});

function augmentOptions(config: Config): AugmentOptions {
  const { cropScale, cropRatio, horizontalFlip, verticalFlip, rotation, erasing, policy } = config;
  const { brightness, contrast, saturation, hue } = config;
  return {
    scale: cropScale,
    ratio: cropRatio,
    horizontalFlip,
    verticalFlip,
    rotation,
    erasing,
    colorJitter: { brightness, contrast, saturation, hue },
    ...(policy === 'none' ? {} : { policy: { kind: policy === 'rand-augment' ? 'randAugment' : 'trivialAugment' } }),
  };
}

/** The order of the training images in the current epoch: indices into `train`, drawn by their labels. */
export function drawOrder(
  config: Config,
  { classes, train }: Prepared,
  state: TrainingState,
  seed: number,
): Int32Array {
  const sampler = samplerOptions(config);
  const epoch = globalEpoch(config, state);
  const posterior = state.labels?.train;
  if (posterior) return softEpochOrder({ posterior, numClasses: classes.length }, sampler, seed, epoch);
  return epochOrder(
    train.map(({ label }) => label),
    sampler,
    seed,
    epoch,
  );
}
