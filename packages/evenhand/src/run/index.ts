// The run folder: everything that training produces, and the only contract between it and what comes after.
export { describeCombinedModel } from './combined-model.js';
export { RunError } from './errors.js';
export { RunFolder } from './folder.js';
export { heldOutLabels } from './held-out.js';
export {
  chosenInterval,
  chosenScore,
  type Environment,
  type EpochMetrics,
  expectedClassCounts,
  type JudgedLabel,
  judgementsOf,
  predictionArrays,
  type RunProgress,
  type ValidationPrediction,
  withLikelyLabels,
} from './records.js';
