// What is built on training: train and export, evaluate, export a run, audit labels.
export { type Audit, type AuditOptions, auditLabels, cacheFeatures } from './audit.js';
export { type Comparison, compareOnValidation } from './compare-model.js';
export { type EvaluateOptions, type Evaluation, evaluate } from './evaluate.js';
export { type EvaluateFileOptions, evaluateFile } from './evaluate-file.js';
export {
  type Exported,
  type ExportRunOptions,
  type ExportWeightsOptions,
  exportRun,
  exportWeights,
} from './export-run.js';
export { type ExportRunsOptions, exportRuns } from './export-runs.js';
export { type TrainingImage, trainingImagesOfRun } from './run-images.js';
export { resume, type TrainedRun, train } from './train.js';
