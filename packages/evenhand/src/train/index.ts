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
export { type ConfigLayer, configOfRun, modelNameOf, resolveConfig } from './config/resolve.js';
export { changedSettings, changeOnResume } from './config/resume.js';
export { configSchema } from './config/schema.js';
export { type Scores, score } from './engine/epoch-end.js';
export { extractFeatures } from './engine/features.js';
export { computedOnce, isMain } from './engine/group.js';
export { NOISE_FOUND } from './engine/label-noise.js';
export { evaluationLoader } from './engine/loaders.js';
export type { OutOfFold } from './engine/out-of-fold.js';
export { predictLogits } from './engine/predict-logits.js';
export { type ResumeOptions, resumeRun, type TrainOptions, type TrainResult, trainRun } from './engine/train.js';
export { prepareMachine } from './engine/training.js';
export { type Progress, reportProgress, type TrainEvent } from './events.js';
export { countLabels } from './objective/balance.js';
export { chooseDevice, chooseHalfType } from './setup/device.js';
export { imageCacheFolder, openEvaluationCache, scanCacheFolder } from './setup/image-cache.js';
export {
  buildModel,
  createFitting,
  findSpec,
  loadBackbone,
  modelOfRun,
  presetAt,
  requireGrowth,
} from './setup/model.js';
export { hashesOf, readOptions, splitGroups } from './setup/prepare.js';
export { chooseRecipe } from './setup/recipe.js';
export { judgeValidation, type Validation } from './setup/validation.js';
export { TrainingError } from './training-error.js';
