// Architectures, their pretrained weights, and heads.

export { createModel, type ModelOptions, modelInfo, modelNames } from './catalogue.js';
export { EFFICIENTNETS, EfficientNet, type EfficientNetConfig } from './families/efficientnet.js';
export { MobileNetV2 } from './families/mobilenet-v2.js';
export { row, type StageRow, scaleRows } from './families/rows.js';
export { architectureNames, familyOf } from './families.js';
export { type BuildOptions, type Family, POOLS, type Pool } from './family.js';
export { FROZEN_SCORES, type FrozenScore } from './frozen-scores.js';
export { backboneParameters, type HeadOptions, headParameters, replaceHead } from './head.js';
export { layerGroups } from './layer-groups.js';
export {
  betterCached,
  isCached,
  type ListedModel,
  listModels,
  type Recommendation,
  recommend,
} from './list-models.js';
export { ImageModel, type Part, parametersOf } from './model.js';
export { parseModelSpec } from './parse-spec.js';
export { isModelFolder, type ResolveOptions, resolveModel } from './resolve/resolve-model.js';
export type { HubRepository, License, ModelSpec } from './spec.js';
export { cacheFolder } from './weights/cache-folder.js';
export { type FetchOptions, fetchFile, fetchWeights } from './weights/fetch-weights.js';
export { type FileSource, hashFile, type WeightsSource } from './weights/file-hash.js';
export { fetchHubFile, type HubFile, type HubOptions } from './weights/hub.js';
export { hubSettings, hubToken } from './weights/hub-settings.js';
export {
  fetchPretrained,
  type LoadedWeights,
  type LoadOptions,
  loadPretrained,
  loadPublished,
} from './weights/load-pretrained.js';
export { WeightsError, type WeightsErrorCode } from './weights/weights-error.js';
