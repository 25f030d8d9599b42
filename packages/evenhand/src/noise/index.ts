/** Wrong labels: which they are, how many, and what is known of each image's true class. */
export {
  type EstimateOptions,
  estimateLabels,
  type LabelEstimate,
  type LabelEstimates,
  type Labelled,
  type Rate,
} from './estimate.js';
export type { NoiseModel } from './noise-model.js';
