import { nn, type optim, type Tensor } from '@evenhand/torch';
import { type ImageModel, layerGroups } from '../../models/index.js';
import type { Config } from '../config/fields.js';

/** Parameter groups with weight decay on matrices and kernels, and none on biases and norms. */
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
 * Parameter groups of the whole network: the head at `headRate`, the backbone at `backboneRate` times `layerDecay` for
 * each block further from the head.
 */
export function discriminativeGroups(model: ImageModel, config: Config): optim.ParameterGroupInput[] {
  const layers = layerGroups(model);
  const head = layers.length - 1;
  return layers.flatMap((modules, depth) => {
    const rate = depth === head ? config.headRate : config.backboneRate * config.layerDecay ** (head - 1 - depth);
    return decayGroups(modules.flatMap(nn.parameters), rate, config.weightDecay);
  });
}
