// Label errors: which labels are wrong, how many, and what is known of each image's true class.
export { type EstimateOptions, estimateLabels, type LabelEstimates, type Labelled } from './estimate.js';
export type { LabelEstimate, Rate } from './label-estimate.js';
export type { NoiseModel } from './noise-model.js';
export { sharpenLabels } from './sharpen.js';
