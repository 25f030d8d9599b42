/** Runs a trained model in a browser. */
export { type DecisionRule, MOST_PROBABLE } from '../decide.js';
export { ImageError, type Pixels } from '../image.js';
export {
  type ModelLicense,
  type ModelMetadata,
  mostFrequentClass,
  readMetadata,
  type ValidationScore,
} from '../metadata.js';
export {
  Model,
  NotDone,
  type Outcome,
  type PredictAllOptions,
  type Prediction,
  type PredictOptions,
} from '../model.js';
export { ModelError } from '../model-error.js';
export { type Explanation, Occlusion } from '../occlusion.js';
export { DEVICES, type Device } from '../options.js';
export { preprocess, scaledSize } from '../preprocess.js';
export { type CropMode, type Interpolation, type Preset, validatePreset } from '../preset.js';
export { type ResampleOptions, resample } from '../resample.js';
export { TTA, type Tta } from '../views.js';
export { type BrowserImage, decode } from './decode.js';
export { type BrowserLoadOptions, type BrowserModel, load } from './load.js';
