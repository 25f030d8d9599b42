// Scores of a classifier and their confidence intervals: pure functions on typed arrays.
export { expectedMacroF1IntervalWidth, macroF1AnalyticInterval, WIDEST_INTERVAL } from './analytic.js';
export { addConfusion, type ConfusionMatrix, classCounts, confusionMatrix } from './confusion.js';
export { applyRule, type FittedDecision, fitDecision, macroF1Rule } from './decision.js';
export {
  type Interval,
  type IntervalOptions,
  macroF1Difference,
  macroF1Interval,
  posteriorMacroF1,
} from './intervals.js';
export {
  argmax,
  expectedCalibrationError,
  type Logits,
  logSoftmax,
  negativeLogLikelihood,
  softmax,
  topKAccuracy,
} from './logits.js';
export { meanAndDeviation } from './mean.js';
export {
  type ClassificationReport,
  type ClassScore,
  classificationReport,
  describeMacroF1,
  type MacroF1Average,
} from './report.js';
