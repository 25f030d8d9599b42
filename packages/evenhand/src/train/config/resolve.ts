import { modelInfo } from '../../models/index.js';
import { describeValue } from '../../printable.js';
import type { RunFolder } from '../../run/index.js';
import { adaptTo } from './adapt.js';
import { ConfigError, type Field, unknownName } from './field.js';
import { type Config, type FieldName, fieldNames, fields, type RunConfig } from './fields.js';
import { recipes } from './recipes.js';

/** Values from one source. */
export interface ConfigLayer {
  /** Where the values come from, for messages: `recipe.toml`. */
  readonly source: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** The name of the model that `resolveConfig` will choose. */
export function modelNameOf(recipe: string, layers: readonly ConfigLayer[]): string {
  const own = Object.hasOwn(recipes, recipe) ? recipes[recipe]!.changes.model : undefined;
  const name = layers.findLast(({ values }) => Object.hasOwn(values, 'model'))?.values.model;
  return typeof name === 'string' ? name : (own ?? fields.model.default);
}

/**
 * The complete configuration: a recipe, adapted to the model, overridden by each of `layers` in order.
 *
 * @param architecture that of the model, if it is known; by default it is looked up in the catalogue
 * @throws ConfigError for an unknown recipe or key (with the likely spelling), a value that is not allowed, and values
 * that contradict each other
 */
export function resolveConfig(
  recipe: string,
  layers: readonly ConfigLayer[] = [],
  architecture = architectureInCatalogue(modelNameOf(recipe, layers)),
): Config {
  const config = resolveFields(recipe, layers, architecture);
  requireConsistent(config);
  return config;
}

function resolveFields(recipe: string, layers: readonly ConfigLayer[], architecture: string | undefined): Config {
  const base = Object.hasOwn(recipes, recipe) ? recipes[recipe] : undefined;
  if (!base) throw unknownName('recipe', recipe, Object.keys(recipes));
  const config: Record<string, unknown> = {};
  for (const name of fieldNames) config[name] = fields[name].default;
  Object.assign(config, base.changes);
  if (base.adapts && architecture !== undefined) Object.assign(config, adaptTo(architecture));
  for (const { source, values } of layers) {
    for (const [name, value] of Object.entries(values)) {
      if (!Object.hasOwn(fields, name)) throw unknownName(`key in ${source}:`, name, fieldNames);
      const field: Field<unknown> = fields[name as FieldName];
      const accepted = field.accept(value);
      if (accepted === undefined) {
        throw new ConfigError(`${source}: ${name} must be ${field.expects}, got ${describeValue(value)}`);
      }
      config[name] = accepted;
    }
  }
  // A head on random features is useless, and they cannot judge labels; an explicit wish for either is refused below.
  const isSet = (name: FieldName): boolean => layers.some(({ values }) => Object.hasOwn(values, name));
  if (config.weights === 'none' && !isSet('headEpochs')) config.headEpochs = 0;
  if (config.weights === 'none' && !isSet('labelNoise')) config.labelNoise = 'off';
  // Scores of images that chose the epoch would be too good, and one model from all folds needs one number of epochs.
  if (config.fold === 'all') {
    if (!isSet('keep') || config.keep === 'auto') config.keep = 'last';
    if (!isSet('patience')) config.patience = 0;
  }
  return config as Config;
}

/** The architecture of a model of the catalogue; undefined for other models. */
function architectureInCatalogue(name: string): string | undefined {
  try {
    return modelInfo(name).architecture;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The configuration that a run was trained with. @throws ConfigError if it has keys or values unknown to this version */
export function configOfRun(folder: RunFolder): RunConfig {
  const source = `${folder.path}/config.json`;
  const values = folder.readConfig();
  const config = resolveFields('competition', [{ source, values }], undefined);
  // A fold of a cross-validation names the validation images of the data too, which are in no fold.
  requireConsistent(config.folds > 0 ? { ...config, valCsv: '' } : config);
  const { batchSize } = config;
  if (batchSize === 'auto') throw new ConfigError(`${source}: batchSize is auto, but a run records the number`);
  return { ...config, batchSize };
}

/** Balancing methods that act in the same place. */
const SAME_KIND: Readonly<Record<string, readonly string[]>> = {
  'loss weights': ['weighted-loss', 'effective-number'],
  'shifts of the logits': ['logit-adjust', 'balanced-softmax'],
};

function requireConsistent(config: Config): void {
  const { balance, allowDoubleBalance, folds, fold, valFraction, valCsv, weights, headEpochs, epochs, keep, patience } =
    config;
  if (balance.length > 1 && balance.includes('none')) {
    throw new ConfigError(`balance is ${balance.join(' and ')}, which contradict each other: give none alone`);
  }
  for (const [kind, methods] of Object.entries(SAME_KIND)) {
    const chosen = balance.filter((method) => methods.includes(method));
    if (chosen.length > 1) {
      throw new ConfigError(
        `balance is ${chosen.join(' and ')}, which are both ${kind}, and only one can apply: choose one`,
      );
    }
  }
  if (balance.length > 1 && !allowDoubleBalance) {
    throw new ConfigError(
      `balance is ${balance.join(' and ')}: two corrections of the same imbalance correct about twice, so that a class ` +
        'with a tenth of the images gets ten times too much weight; choose one, or set allowDoubleBalance',
    );
  }
  if (folds === 1) throw new ConfigError('folds is 1: cross-validation needs at least 2 folds');
  if (folds === 0 && fold === 'all' && config.budget === '')
    throw new ConfigError('fold is all, but folds is not set: set the number of folds, or a budget that chooses it');
  if (folds === 0 && fold !== 0 && fold !== 'all')
    throw new ConfigError(`fold is ${fold}, but folds is not set: set the number of folds`);
  if (fold === 'all' && (keep !== 'last' || patience > 0)) {
    throw new ConfigError(
      `fold is all and ${keep === 'last' ? `patience is ${patience}` : `keep is ${keep}`}, but all folds train the same number of epochs, so that no held-out image has a part in choosing the epoch it is scored by: leave keep and patience out`,
    );
  }
  if (fold !== 'all' && config.combine !== 'ensemble') {
    throw new ConfigError(`combine is ${config.combine}, which makes one model of all folds: set fold to all`);
  }
  if (fold !== 'all' && folds > 0 && fold >= folds)
    throw new ConfigError(`fold is ${fold}: with ${folds} folds it must be from 0 to ${folds - 1}`);
  const holdsOut = valFraction !== 'auto' && valFraction > 0;
  if ((folds > 0 || fold === 'all') && holdsOut)
    throw new ConfigError('valFraction and folds both hold out validation images: set only one of them');
  if (valCsv !== '' && ((folds > 0 && fold !== 'all') || holdsOut)) {
    throw new ConfigError(
      'valCsv names the validation images, and valFraction and folds hold them out of training: set only one of them, or all folds with fold all, whose model the validation images then check',
    );
  }
  if (config.labelNoise === 'auto' && weights === 'none') {
    throw new ConfigError(
      'labelNoise is auto, which needs a pretrained backbone, but weights is none: set labelNoise to off',
    );
  }
  if (weights === 'none' && headEpochs > 0) {
    throw new ConfigError('weights is none, so the head phase would train on random features: set headEpochs to 0');
  }
  if (config.average === 1) throw new ConfigError('average is 1: the mean of one epoch is that epoch; set at least 2');
  if (config.average > 0 && config.ema > 0) {
    throw new ConfigError('average and ema both average weights: set only one of them');
  }
  if (headEpochs === 0 && epochs === 0)
    throw new ConfigError('headEpochs and epochs are both 0: nothing would be trained');
}
