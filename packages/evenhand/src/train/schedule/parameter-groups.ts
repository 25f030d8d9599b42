import type { optim, Tensor } from '@evenhand/torch';
import { type ImageModel, type Part, parametersOf } from '../../models/index.js';
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
 * each block further from the head. Pretrained parts after the last block have the rate of that block.
 */
export function discriminativeGroups(model: ImageModel, config: Config): optim.ParameterGroupInput[] {
  const backbone = model.backbone();
  const last = backbone.length - 1;
  const withoutDecay = new Set(model.noWeightDecay());
  const groups = (parts: readonly Part[], rate: number) =>
    decayGroups(parts.flatMap(parametersOf), rate, config.weightDecay, withoutDecay);
  return [
    ...backbone.flatMap((parts, depth) => groups(parts, config.backboneRate * config.layerDecay ** (last - depth))),
    ...groups(model.neck(), config.backboneRate),
    ...groups([model.classifier], config.headRate),
  ];
}
