// Models, where their weights come from, and what goes on top of them.
export { cacheFolder } from './cache-folder.js';
export { createModel, type ModelInfo, type ModelName, type ModelOptions, modelInfo, modelNames } from './catalogue.js';
export { EFFICIENTNETS, EfficientNet, type EfficientNetConfig } from './efficientnet.js';
export { EfficientNetLite0 } from './efficientnet-lite.js';
export { type FetchOptions, type FileSource, fetchFile, fetchWeights, type WeightsSource } from './fetch-weights.js';
export { loadPretrained } from './load-pretrained.js';
export { MobileNetV2 } from './mobilenet-v2.js';
export {
  backboneParameters,
  type HeadOptions,
  headParameters,
  ImageModel,
  layerGroups,
  replaceHead,
} from './model.js';
export { row, type StageRow, scaleRows } from './rows.js';
export { WeightsError, type WeightsErrorCode } from './weights-error.js';
