/** The run folder: everything that a training produced, and the only contract between it and all that comes after. */
export { RunError } from './errors.js';
export { RunFolder } from './folder.js';
export {
  chosenInterval,
  chosenScore,
  type Environment,
  type EpochMetrics,
  type JudgedLabel,
  judgementsOf,
  type Prediction,
  predictionArrays,
} from './records.js';
