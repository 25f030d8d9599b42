/** Runs a trained model in Node. `@evenhand/predict/browser` is the entry point for browsers. */
export {
  type Decision,
  type DecisionRule,
  decide,
  indexOfGreatest,
  MOST_PROBABLE,
  scoreClasses,
} from './decide.js';
export {
  decode,
  decodeCrop,
  decodeScaled,
  type ImageHeader,
  type ImageSource,
  MAX_PIXELS,
  probe,
  read,
} from './decode.js';
export { type Box, ImageError, type Pixels, type Size } from './image.js';
export {
  type ModelLicense,
  type ModelMetadata,
  metadataEntries,
  metadataOf,
  mostFrequentClass,
  readMetadata,
  type ValidationScore,
} from './metadata.js';
export { Model, NotDone, type Outcome, type PredictAllOptions, type Prediction, type PredictOptions } from './model.js';
export { ModelError } from './model-error.js';
export { load, type NodeModel, readModelFile } from './node/load.js';
export { type Explanation, Occlusion } from './occlusion.js';
export { DEVICES, type Device, type LoadOptions } from './options.js';
export { preprocess, resizedSize, scaledSize } from './preprocess.js';
export {
  type CropMode,
  IMAGENET_MEAN,
  IMAGENET_STD,
  type Interpolation,
  type Preset,
  validatePreset,
} from './preset.js';
export { type ResampleOptions, resample } from './resample.js';
export { libraryVersions } from './versions.js';
export { TTA, type Tta, type View, viewsOf } from './views.js';
