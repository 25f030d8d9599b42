import type { optim, Tensor } from '@evenhand/torch';
import { type ImageModel, layerGroups, parametersOf } from '../../models/index.js';
import type { Config } from '../config/fields.js';

/**
 * Parameter groups with weight decay on matrices and kernels, and none on biases, norms and the parameters of
 * `withoutDecay`.
 */
export function decayGroups(
  parameters: readonly Tensor[],
  learningRate: number,
  weightDecay: number,
  withoutDecay: ReadonlySet<Tensor> = new Set(),
): optim.ParameterGroupInput[] {
  const decays = (parameter: Tensor) => parameter.shape.length > 1 && !withoutDecay.has(parameter);
  return [
    { parameters: parameters.filter(decays), learningRate, weightDecay },
    { parameters: parameters.filter((parameter) => !decays(parameter)), learningRate, weightDecay: 0 },
  ].filter((group) => group.parameters.length > 0);
}

/**
 * Parameter groups of the whole network: the head at `headRate`, the backbone at `backboneRate` times `layerDecay` for
 * each block further from the head.
 */
export function discriminativeGroups(model: ImageModel, config: Config): optim.ParameterGroupInput[] {
  const layers = layerGroups(model);
  const head = layers.length - 1;
  const withoutDecay = new Set(model.noWeightDecay());
  return layers.flatMap((parts, depth) => {
    const rate = depth === head ? config.headRate : config.backboneRate * config.layerDecay ** (head - 1 - depth);
    return decayGroups(parts.flatMap(parametersOf), rate, config.weightDecay, withoutDecay);
  });
}
