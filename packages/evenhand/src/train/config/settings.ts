import type { optim, Tensor } from '@evenhand/torch';
import { nn } from '@evenhand/torch';
import type { Sample, SamplerOptions } from '../../data/index.js';
import { classCounts } from '../../metrics/index.js';
import { type ImageModel, layerGroups } from '../../models/index.js';
import type { EpochMetrics } from '../../run/index.js';
import type { Config } from './fields.js';

/** Training cannot go on, for a reason that the user can do something about. */
export class TrainingError extends Error {
  readonly code = 'EVENHAND_TRAINING';
}

/** What to do about a phase that diverges. */
export const remedyOf = (phase: EpochMetrics['phase']): string =>
  phase === 'head' ? 'lower headPhaseRate' : 'lower backboneRate and headRate, or set clipNorm to 1';

/** How many of the images have each label: [K]. */
export function countLabels(samples: readonly Sample[], numClasses: number): Float64Array {
  return classCounts(
    Int32Array.from(samples, ({ label }) => label),
    numClasses,
  );
}

export function samplerOptions({ balance, samplerExponent }: Config): SamplerOptions {
  return balance.includes('sampler') ? { kind: 'balanced', exponent: samplerExponent } : { kind: 'shuffle' };
}

/** Two groups: weight matrices and kernels decay, biases and norms do not. */
export function decayGroups(
  parameters: readonly Tensor[],
  learningRate: number,
  weightDecay: number,
): optim.ParameterGroupInput[] {
  const isMatrix = (parameter: Tensor) => parameter.shape.length > 1;
  return [
    { parameters: parameters.filter(isMatrix), learningRate, weightDecay },
    { parameters: parameters.filter((parameter) => !isMatrix(parameter)), learningRate, weightDecay: 0 },
  ].filter((group) => group.parameters.length > 0);
}

/**
 * The whole network's groups: the head at `headRate`, the backbone at `backboneRate`, times `layerDecay` for each
 * block further from the head.
 */
export function discriminativeGroups(model: ImageModel, config: Config): optim.ParameterGroupInput[] {
  const layers = layerGroups(model);
  const head = layers.length - 1;
  return layers.flatMap((modules, depth) => {
    const rate = depth === head ? config.headRate : config.backboneRate * config.layerDecay ** (head - 1 - depth);
    return decayGroups(modules.flatMap(nn.parameters), rate, config.weightDecay);
  });
}

/** Pixels of a side in an epoch: from `startSize` to `size` by half of the epochs, in steps of 32. */
export function sizeAt({ startSize, epochs }: Config, size: number, epoch: number): number {
  if (startSize === 0 || startSize >= size) return size;
  const progress = Math.min(1, epoch / Math.max(1, epochs / 2));
  if (progress === 1) return size;
  return Math.min(size, Math.max(1, Math.round((startSize + (size - startSize) * progress) / 32)) * 32);
}
