// The TypeScript API of evenhand, and the only entry point of this package. Nothing here prints or exits.
export {
  checkDataset as check,
  DataError,
  type Dataset,
  type DatasetReport,
  type ReadOptions,
  readDataset,
} from './data/index.js';
export { ExportError, type ExportOptions, exportOnnx } from './export/index.js';
export * as metrics from './metrics/index.js';
export * from './models/index.js';
export type { LabelEstimate, NoiseModel, Rate } from './noise/index.js';
export { type AuditFacts, type AuditImage, type AuditRate, auditPage, type Candidate } from './report/index.js';
export { type Environment, type EpochMetrics, RunError, RunFolder, type ValidationPrediction } from './run/index.js';
export {
  type Config,
  ConfigError,
  type ConfigLayer,
  type Recipe,
  type ResumeOptions,
  recipes,
  resolveConfig,
  type TrainEvent,
  TrainingError,
  type TrainOptions,
  type TrainResult,
} from './train/index.js';
export {
  type Audit,
  type AuditOptions,
  auditLabels,
  type EvaluateFileOptions,
  type EvaluateOptions,
  type Evaluation,
  type Exported,
  type ExportRunOptions,
  type ExportWeightsOptions,
  evaluate,
  evaluateFile,
  exportRun,
  exportWeights,
  resume,
  train,
} from './workflows/index.js';
