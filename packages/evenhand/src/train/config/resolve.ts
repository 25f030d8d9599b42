import { modelNames } from '../../models/index.js';
import type { RunFolder } from '../../run/index.js';
import {
  ConfigError,
  choice,
  choices,
  type Field,
  flag,
  flagName,
  number,
  numbers,
  text,
  unknownName,
} from './field.js';

const share = { min: 0, max: 1 };
const atLeast0 = { min: 0 };
const count = { min: 0, whole: true };
const positive = { min: 1, whole: true };

/** Everything that can be said about a run. The defaults are the recipe `competition`. */
export const fields = {
  // Data
  data: text('', 'a folder or a CSV file', 'the training data: the folder or CSV file'),
  images: text('', 'a folder', 'folder with the images of a CSV, unless it is where the layout puts it'),
  valCsv: text('', 'a CSV file', 'validation images, unless val.csv lies beside train.csv'),
  valImages: text('', 'a folder', 'folder with the images of valCsv'),
  filenameColumn: text('', 'the name of a column', 'column with the file names, unless it is filename'),
  labelColumn: text('', 'the name of a column', 'column with the labels, unless it is label'),
  labelList: text('', 'a file', 'all labels, a line each, unless label_list.txt lies beside train.csv'),
  valFraction: number(
    0,
    { min: 0, max: 1, below: true },
    'share of the training images that is held out to validate on',
  ),
  folds: number(0, count, 'number of folds; 0 for none'),
  fold: number(0, count, 'which of the folds is held out to validate on, counted from 0'),
  onBadImage: choice(['stop', 'skip'], 'stop', 'whether unreadable images stop the run or are left out and recorded'),

  // Model
  model: choice(modelNames(), 'efficientnet_b3', 'the backbone'),
  weights: text(
    'pretrained',
    'pretrained, none, or the path of a weights file',
    'what the backbone starts from; none trains from scratch',
  ),
  headDropout: number(
    -1,
    { min: -1, max: 1, below: true },
    "share of features that the head zeroes; -1 is the model's own",
  ),
  headHidden: number(0, count, 'width of a hidden layer in the head; 0 for none'),
  imageSize: number(0, count, "pixels of a side that the model sees; 0 is the model's own"),
  startSize: number(
    0,
    count,
    'pixels of a side in the first epoch, growing to imageSize by half of the epochs; 0 is imageSize',
  ),

  // Images in training
  cropScale: numbers([0.08, 1], share, 'share of the area that a random crop keeps'),
  cropRatio: numbers([3 / 4, 4 / 3], { min: 0.01 }, 'width over height of a random crop'),
  horizontalFlip: number(0.5, share, 'probability of mirroring left to right'),
  verticalFlip: number(0, share, 'probability of mirroring top to bottom'),
  brightness: number(0.2, atLeast0, 'greatest change of brightness'),
  contrast: number(0.2, atLeast0, 'greatest change of contrast'),
  saturation: number(0.2, atLeast0, 'greatest change of saturation'),
  hue: number(0.1, { min: 0, max: 0.5 }, 'greatest change of hue, in turns'),
  rotation: number(15, { min: 0, max: 180 }, 'greatest rotation, in degrees'),
  erasing: number(0, share, 'probability of erasing a rectangle'),
  policy: choice(['none', 'rand-augment', 'trivial-augment'], 'none', 'an augmentation policy besides'),

  // Class balance
  balance: choices(
    ['none', 'sampler', 'weighted-loss', 'effective-number', 'logit-adjust', 'balanced-softmax'],
    ['sampler'],
    'how classes of unequal size are evened out; exactly one',
  ),
  allowDoubleBalance: flag(false, 'allows two of them, which corrects about twice'),
  samplerExponent: number(1, share, 'of the sampler: 1 makes classes equally frequent, 0.5 is square-root sampling'),
  effectiveBeta: number(0.999, { min: 0, max: 1, below: true }, 'beta of effective-number'),
  logitAdjustTau: number(1, atLeast0, 'tau of logit-adjust'),

  // Loss and mixing
  loss: choice(['cross-entropy', 'focal'], 'cross-entropy', 'the loss'),
  labelSmoothing: number(0.1, { min: 0, max: 1, below: true }, 'share of the target that is spread over all classes'),
  focalGamma: number(2, atLeast0, 'gamma of the focal loss'),
  mixProbability: number(1, share, 'probability that a batch is mixed'),
  cutMixShare: number(0.5, share, 'share of the mixed batches that get CutMix; the others get MixUp'),
  mixAlpha: number(0.4, { min: 0.001 }, 'of the Beta(alpha, alpha) that lambda is drawn from'),

  // Wrong labels
  labelNoise: choice(
    ['off', 'auto'],
    'off',
    'auto finds labels that are probably wrong and, where there are any, trains on posterior labels',
  ),
  corrections: text('', 'a CSV file', 'verdicts on labels, as the page of evenhand audit gives them'),

  // Phase 1: the head on frozen features
  headEpochs: number(
    3,
    count,
    'epochs in which only the head is trained, the first on the images as they are, each other on new views too; 0 for none',
  ),
  headPasses: number(
    10,
    positive,
    'passes over the features in each of them: nothing before the head changes, so they cost little',
  ),
  headPhaseRate: number(1e-3, atLeast0, 'learning rate that these epochs begin with; it falls by a cosine'),

  // Phase 2: the whole network
  epochs: number(20, count, 'greatest number of epochs in which everything is trained; 0 for none'),
  batchSize: number(32, positive, 'images a step'),
  backboneRate: number(1e-5, atLeast0, 'learning rate of the backbone'),
  headRate: number(1e-4, atLeast0, 'learning rate of the head'),
  layerDecay: number(1, { min: 0.01, max: 1 }, 'factor on the rate from each block to the one before it; 1 for none'),
  warmupEpochs: number(1, atLeast0, 'epochs in which the rates rise to these'),
  weightDecay: number(0.01, atLeast0, 'decoupled weight decay, not on biases and norms'),
  clipNorm: number(0, atLeast0, 'greatest norm of all gradients together; 0 for any'),
  accumulate: number(1, positive, 'batches whose gradients make one step'),
  ema: number(
    0,
    { min: 0, max: 1, below: true },
    'decay of an average of the weights that is evaluated in their place; 0 for none',
  ),
  autocast: flag(false, 'computes in 16 bits where that is safe'),
  keep: choice(
    ['best', 'last'],
    'best',
    'whose weights the run keeps: of the epoch with the best Macro F1, or of the last, where too few validation images tell epochs apart',
  ),
  patience: number(5, count, 'epochs without a better Macro F1 after which training stops; 0 for never'),
  minGain: number(0, share, 'gain in Macro F1 above which patience starts anew'),

  // Machine
  seed: number(42, count, 'decides every random choice'),
  device: text('auto', 'auto, cpu, cuda, cuda:1 or mps', 'where to compute'),
  threads: number(0, count, 'threads that compute; 0 is one a core'),
  workers: number(0, count, 'threads that decode images; 0 is one a core'),
} satisfies Record<string, Field<unknown>>;

/** A validated, complete configuration: all that decides a run's result, but for the machine. */
export type Config = { readonly [K in keyof typeof fields]: (typeof fields)[K] extends Field<infer T> ? T : never };

export interface Recipe {
  readonly why: string;
  readonly changes: Partial<Config>;
}

/** Named starting points: what they change in the defaults, and why. */
export const recipes: Readonly<Record<string, Recipe>> = {
  competition: {
    why: 'The recipe that won attention at the datathon, its one flaw mended: classes are balanced once, by the sampler.',
    changes: {},
  },
  'competition-literal': {
    why: 'The same to the letter: sampler and weighted loss together, which corrects twice. For comparison.',
    changes: { balance: ['sampler', 'weighted-loss'], allowDoubleBalance: true },
  },
  fast: {
    why: 'A good result soon on a CPU: a small backbone, small images first, a rate high enough for few epochs.',
    changes: {
      model: 'mobilenet_v2',
      imageSize: 224,
      startSize: 160,
      epochs: 6,
      backboneRate: 4e-4,
      headRate: 1e-3,
      cropScale: [0.35, 1],
      mixProbability: 0,
    },
  },
  strong: {
    why: 'For long trainings with a GPU: higher rates, layer-wise decay, averaged weights, balanced softmax, TrivialAugment, wrong labels found and survived.',
    changes: {
      epochs: 30,
      balance: ['balanced-softmax'],
      backboneRate: 4e-4,
      headRate: 1e-3,
      layerDecay: 0.9,
      weightDecay: 0.05,
      clipNorm: 1,
      ema: 0.998,
      cropScale: [0.35, 1],
      policy: 'trivial-augment',
      brightness: 0,
      contrast: 0,
      saturation: 0,
      hue: 0,
      rotation: 0,
      mixProbability: 0.5,
      labelNoise: 'auto',
    },
  },
};

/** Values that someone gave, and where: `--epochs` or `recipe.toml`, for messages. */
export interface ConfigLayer {
  readonly source: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * The complete configuration of a recipe with `layers` on top of it, later ones over earlier ones.
 *
 * @throws ConfigError, a sentence, for an unknown recipe or key (with the likely spelling), a value that is not
 * allowed, and values that contradict one another
 */
export function resolveConfig(recipe: string, layers: readonly ConfigLayer[] = []): Config {
  const base = Object.hasOwn(recipes, recipe) ? recipes[recipe] : undefined;
  if (!base) throw unknownName('recipe', recipe, Object.keys(recipes));
  const config: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) config[name] = field.default;
  Object.assign(config, base.changes);
  for (const { source, values } of layers) {
    for (const [name, value] of Object.entries(values)) {
      if (!Object.hasOwn(fields, name)) throw unknownName(`key in ${source}:`, name, Object.keys(fields));
      const field: Field<unknown> = fields[name as keyof typeof fields];
      const accepted = field.accept(value);
      if (accepted === undefined) {
        const got = typeof value === 'number' ? value : JSON.stringify(value);
        throw new ConfigError(`${source}: ${name} must be ${field.expects}, got ${got}`);
      }
      config[name] = accepted;
    }
  }
  // Random features are not worth a head, and judge no label; who asks for either is told so.
  const given = (name: string): boolean => layers.some(({ values }) => Object.hasOwn(values, name));
  if (config.weights === 'none' && !given('headEpochs')) config.headEpochs = 0;
  if (config.weights === 'none' && !given('labelNoise')) config.labelNoise = 'off';
  return checkTogether(config as Config);
}

/** The configuration that a run was trained with. @throws ConfigError where it is not one of this version */
export function configOfRun(folder: RunFolder): Config {
  return resolveConfig('competition', [{ source: `${folder.path}/config.json`, values: folder.readConfig() }]);
}

function checkTogether(config: Config): Config {
  const { balance, allowDoubleBalance, folds, fold, valFraction, valCsv, weights, headEpochs, epochs } = config;
  if (balance.length > 1 && balance.includes('none')) {
    throw new ConfigError(`balance is ${balance.join(' and ')}, which contradict one another: give none alone`);
  }
  if (balance.length > 1 && !allowDoubleBalance) {
    throw new ConfigError(
      `balance is ${balance.join(' and ')}: two corrections for the same imbalance correct about twice, ` +
        'so that a class with a tenth of the images weighs ten times too much; choose one, or allow it with allowDoubleBalance ' +
        `(--${flagName('allowDoubleBalance')})`,
    );
  }
  if (folds === 1) throw new ConfigError('folds is 1: cross-validation needs at least 2');
  if (folds === 0 && fold > 0) throw new ConfigError(`fold is ${fold}, but folds is not given: say how many there are`);
  if (folds > 0 && fold >= folds)
    throw new ConfigError(`fold is ${fold}: with ${folds} folds it goes from 0 to ${folds - 1}`);
  if (folds > 0 && valFraction > 0) throw new ConfigError('valFraction and folds both say what to hold out: give one');
  if (valCsv !== '' && (folds > 0 || valFraction > 0)) {
    throw new ConfigError(
      'valCsv names the validation images, so valFraction and folds have nothing to hold out: give one',
    );
  }
  if (config.labelNoise === 'auto' && weights === 'none') {
    throw new ConfigError(
      'labelNoise is auto, which judges labels by the features of a pretrained backbone, but weights is none: set labelNoise to off',
    );
  }
  if (weights === 'none' && headEpochs > 0) {
    throw new ConfigError('weights is none, so the head phase would train on random features: set headEpochs to 0');
  }
  if (headEpochs === 0 && epochs === 0)
    throw new ConfigError('headEpochs and epochs are both 0: there is nothing to train');
  return config;
}
