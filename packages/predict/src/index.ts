export { decode, decodeCrop, type ImageHeader, type ImageSource, MAX_PIXELS, probe, read } from './decode.js';
export { ImageError, type Pixels } from './image.js';
export { preprocess, resizedSize } from './preprocess.js';
export { IMAGENET_MEAN, IMAGENET_STD, type Interpolation, type Preset, validatePreset } from './preset.js';
export { type Box, type ResampleOptions, resample } from './resample.js';
