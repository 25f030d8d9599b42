/** `@evenhand/predict` for browsers. */
export { type DecisionRule, MOST_PROBABLE } from '../decide.js';
export { ImageError, type Pixels } from '../image.js';
export { ModelError, type ModelMetadata, mostFrequentClass, readMetadata, type ValidationScore } from '../metadata.js';
export { type Answer, Model, NotDone, type Outcome, type PredictAllOptions, type PredictOptions } from '../model.js';
export { DEVICES, type Device } from '../options.js';
export { preprocess } from '../preprocess.js';
export { type Interpolation, type Preset, validatePreset } from '../preset.js';
export { TTA, type Tta } from '../views.js';
export { type BrowserImage, decode } from './decode.js';
export { type BrowserLoadOptions, type BrowserModel, load } from './load.js';
