// Training: from a configuration to a run folder, and what a run scores.
export { type Audit, type AuditOptions, auditLabels } from './audit.js';
export { type Config, type ConfigLayer, fields, type Recipe, recipes, resolveConfig } from './config.js';
export { type EvaluateOptions, type Evaluation, evaluate } from './evaluate.js';
export type { Progress, TrainEvent } from './events.js';
export {
  type Exported,
  type ExportRunOptions,
  type ExportWeightsOptions,
  exportRun,
  exportWeights,
} from './export-run.js';
export { ConfigError, type Field, flagName } from './field.js';
export { readOptions } from './prepare.js';
export { countLabels, TrainingError } from './settings.js';
export { type ResumeOptions, resume, type TrainOptions, type TrainResult, train } from './train.js';
