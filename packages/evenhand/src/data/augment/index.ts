export { applyAugment } from './apply.js';
export { type AugmentOptions, type AugmentParams, sampleAugment } from './params.js';
