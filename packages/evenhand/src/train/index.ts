// Training: from a configuration to a run folder.
export { ConfigError, type Field, flagName } from './config/field.js';
export {
  type Config,
  DATA_FILES,
  type FieldName,
  fieldNames,
  fields,
  fieldsOfGroup,
  mapPaths,
} from './config/fields.js';
export { type Recipe, recipes } from './config/recipes.js';
export { type ConfigLayer, configOfRun, resolveConfig } from './config/resolve.js';
export { configSchema } from './config/schema.js';
export { countLabels, TrainingError } from './config/settings.js';
export { type Scores, score } from './engine/epoch-end.js';
export { extractFeatures } from './engine/features.js';
export { NOISE_FOUND } from './engine/label-noise.js';
export { predictLogits } from './engine/predict-logits.js';
export { evaluationLoader } from './engine/session.js';
export { type ResumeOptions, resumeRun, type TrainOptions, type TrainResult, trainRun } from './engine/train.js';
export type { Progress, TrainEvent } from './events.js';
export { buildModel, chooseDevice, chooseThreads, loadBackbone, presetAt } from './setup/backend.js';
export { duplicateGroups, readOptions } from './setup/prepare.js';
