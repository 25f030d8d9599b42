import { isModelFolder, POOLS } from '../../models/index.js';
import {
  choice,
  choices,
  duration,
  type Field,
  number,
  numberOr,
  numberOrAuto,
  numberPair,
  path,
  pathOr,
  switchOrAuto,
  text,
  toggle,
} from './field.js';

const share = { min: 0, max: 1 };
const shareBelow1 = { min: 0, max: 1, below: true };
const atLeast0 = { min: 0 };
const count = { min: 0, whole: true };
const positive = { min: 1, whole: true };
const pixels = { min: 0, max: 4096, whole: true };
const threads = { min: 0, max: 1024, whole: true };

/** The batch size for which the recipes' learning rates are. */
export const RECIPE_BATCH_SIZE = 32;

type Grouped<F> = { readonly [K in keyof F]: F[K] & { readonly group: string } };

/** Fields under one heading of the help. */
function group<F extends Record<string, Field<unknown>>>(heading: string, members: F): Grouped<F> {
  const entries = Object.entries(members).map(([name, field]) => [name, { ...field, group: heading }]);
  return Object.fromEntries(entries) as Grouped<F>;
}

/** The heading of the fields that say which files the data are and how they are read. */
export const DATA_FILES = 'Data files';

/** Every value of a configuration. The defaults are the recipe `competition`. */
export const fields = {
  ...group(DATA_FILES, {
    data: path('PATH', 'a folder or a CSV file', 'training data: a folder or a CSV file'),
    images: path('DIR', 'a folder', 'folder with the images of a CSV file [as the layout says]'),
    valCsv: path('FILE', 'a CSV file', 'CSV file of the validation images [val.csv beside train.csv]'),
    valImages: path('DIR', 'a folder', 'folder with the images of valCsv'),
    filenameColumn: text('', 'NAME', 'the name of a column', 'CSV column with the file names [filename]'),
    labelColumn: text('', 'NAME', 'the name of a column', 'CSV column with the labels [label]'),
    labelList: path('FILE', 'a file', 'file with all labels, one per line [label_list.txt beside train.csv]'),
    groupColumn: text(
      '',
      'NAME',
      'the name of a column',
      'CSV column of groups (a plant, a site, a video); a group is never on both sides of a split',
    ),
    groupFolder: toggle(false, 'treat the images of each folder below the class folders as such a group'),
    onUnlabelled: choice(['stop', 'skip'], 'stop', 'rows of a CSV file without a label: stop, or skip them'),
  }),
  ...group('Data selection', {
    valFraction: numberOrAuto(
      'auto',
      shareBelow1,
      'fraction of the training images to hold out for validation; auto = 0.15 if the data has no validation images',
    ),
    folds: number(
      0,
      count,
      'number of cross-validation folds; 0 = none, or with fold all and a budget as many as the time is best spent on',
    ),
    fold: numberOr(
      'all',
      0,
      count,
      'fold to hold out for validation, counted from 0; all = train every fold, each image held out once',
    ),
    combine: choice(
      ['ensemble', 'refit', 'soup', 'distil'],
      'ensemble',
      'the model of fold all: ensemble averages the logits of all folds; one network is trained on all images (refit), also towards the held-out predictions (distil), or has the mean of the weights of the folds (soup)',
    ),
    onBadImage: choice(['stop', 'skip'], 'stop', 'unreadable images: stop the run, or skip and record them'),
  }),
  ...group('Model', {
    model: {
      ...text(
        'efficientnet_b3',
        'NAME',
        'the name of a model',
        'backbone: a name that evenhand models lists, any NAME.TAG of timm, hf-hub:ORG/REPO, or a folder with config.json',
      ),
      schema: { type: 'string', minLength: 1 },
      accept: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
      isPath: isModelFolder,
    },
    weights: pathOr(
      ['pretrained', 'none'],
      'pretrained, none, or the path of a weights file',
      'initial weights of the backbone: pretrained, none (train from scratch), or a file',
    ),
    pool: choice(
      ['auto', ...POOLS],
      'auto',
      'how the features of all positions become those of an image; auto = as the authors of the backbone do',
    ),
    dropPath: number(-1, { min: -1, max: 1, below: true }, 'stochastic depth rate; -1 = the default of the model'),
    headDropout: number(-1, { min: -1, max: 1, below: true }, 'classifier dropout rate; -1 = the default of the model'),
    headHidden: number(0, count, 'width of a hidden layer in the classifier; 0 = none'),
    imageSize: number(0, pixels, 'image size in pixels; 0 = the default of the model'),
    startSize: number(
      0,
      pixels,
      'image size of the first epoch; it grows to imageSize by half of the epochs; 0 = imageSize',
    ),
  }),
  ...group('Augmentation', {
    cropScale: numberPair([0.08, 1], share, 'range of the area of a random crop, as a fraction of the image'),
    cropRatio: numberPair([3 / 4, 4 / 3], { min: 0.01 }, 'range of the aspect ratio (width / height) of a random crop'),
    horizontalFlip: number(0.5, share, 'probability of a horizontal flip'),
    verticalFlip: number(0, share, 'probability of a vertical flip'),
    brightness: number(0.2, atLeast0, 'maximum change of brightness'),
    contrast: number(0.2, atLeast0, 'maximum change of contrast'),
    saturation: number(0.2, atLeast0, 'maximum change of saturation'),
    hue: number(0.1, { min: 0, max: 0.5 }, 'maximum change of hue, as a fraction of the colour circle'),
    rotation: number(15, { min: 0, max: 180 }, 'maximum rotation in degrees'),
    erasing: number(0, share, 'probability of random erasing'),
    policy: choice(['none', 'rand-augment', 'trivial-augment'], 'none', 'additional augmentation policy'),
  }),
  ...group('Class balance', {
    balance: choices(
      ['none', 'sampler', 'weighted-loss', 'effective-number', 'logit-adjust', 'balanced-softmax'],
      ['sampler'],
      'method against class imbalance; exactly one',
    ),
    allowDoubleBalance: toggle(false, 'allow two balancing methods, which corrects about twice'),
    samplerExponent: number(
      1,
      share,
      'exponent of the sampler: 1 = all classes equally often, 0.5 = square-root sampling',
    ),
    effectiveBeta: number(0.999, shareBelow1, 'beta of effective-number'),
    logitAdjustTau: number(1, atLeast0, 'tau of logit-adjust'),
  }),
  ...group('Loss, MixUp and CutMix', {
    loss: choice(['cross-entropy', 'focal'], 'cross-entropy', 'loss function'),
    labelSmoothing: number(0.1, shareBelow1, 'label smoothing'),
    focalGamma: number(2, atLeast0, 'gamma of the focal loss'),
    mixProbability: number(1, share, 'probability that a batch is mixed'),
    cutMixShare: number(0.5, share, 'fraction of the mixed batches with CutMix; the rest get MixUp'),
    mixAlpha: number(0.4, { min: 0.001 }, 'alpha of the Beta(alpha, alpha) distribution of lambda'),
  }),
  ...group('Label errors', {
    labelNoise: {
      ...pathOr(
        ['off', 'auto'],
        'off, auto or a run folder',
        'auto: look for label errors and, if there are any, train on noise-robust soft labels; the folder of a run: take its judgement of the labels instead of a new one',
      ),
      placeholder: 'RUN',
      schema: { type: 'string', minLength: 1 },
      accept: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
    },
    corrections: path('FILE', 'a CSV file', 'corrections.csv as saved by the page of evenhand audit'),
  }),
  ...group('Phase 1: the head on frozen features', {
    headEpochs: number(3, count, 'epochs that train the head only; 0 = none'),
    headPasses: number(
      10,
      positive,
      'passes over the frozen features per epoch; cheap, since only the head is computed',
    ),
    headPhaseRate: number(1e-3, atLeast0, 'initial learning rate of this phase; it follows a cosine to 0'),
  }),
  ...group('Phase 2: the whole network', {
    epochs: number(20, count, 'maximum number of epochs that train the whole network; 0 = none'),
    budget: duration(
      'time in which the whole training must end, such as 20m: plans epochs, image sizes and, with fold all, the folds by the speed of the machine, up to three times the epochs of the recipe',
    ),
    batchSize: numberOrAuto(
      RECIPE_BATCH_SIZE,
      positive,
      'images per batch; auto = the largest that fits into memory, up to 32, with accumulate making up the rest',
    ),
    backboneRate: number(1e-5, atLeast0, 'learning rate of the backbone'),
    headRate: number(1e-4, atLeast0, 'learning rate of the head'),
    layerDecay: number(1, { min: 0.01, max: 1 }, 'layer-wise learning rate decay; 1 = none'),
    warmupEpochs: number(1, atLeast0, 'warm-up epochs'),
    weightDecay: number(0.01, atLeast0, 'weight decay of weight matrices; biases and norms have none'),
    clipNorm: number(0, atLeast0, 'maximum gradient norm; 0 = no clipping'),
    accumulate: number(1, positive, 'gradient accumulation steps'),
    ema: number(0, shareBelow1, 'EMA decay; the EMA weights are evaluated and kept; 0 = no EMA'),
    average: number(
      0,
      count,
      'average the weights of the last N epochs; the mean is scored beside those of the last epoch, and kept by the rule of keep; 0 = no averaging',
    ),
    autocast: switchOrAuto('compute in 16-bit precision where it is safe; auto, the default = on NVIDIA GPUs'),
    keep: choice(
      ['auto', 'best', 'last'],
      'best',
      'checkpoint to keep: best Macro F1, last epoch, or auto: last if validation is too small to compare epochs',
    ),
    patience: number(5, count, 'early stopping: epochs without a better Macro F1; 0 = no early stopping'),
    minGain: number(0, share, 'early stopping: gain in Macro F1 that counts as better'),
  }),
  ...group('Phase 3: a new head on the fine-tuned backbone', {
    newHeadEpochs: number(
      0,
      count,
      'epochs that train a new head, as phase 1 does, on the features of the backbone as phase 2 left it; 0 = none',
    ),
  }),
  ...group('Machine', {
    seed: number(42, count, 'random seed'),
    device: text('auto', 'NAME', 'auto, cpu, cuda, cuda:1 or mps', 'device: auto, cpu, cuda, cuda:1 or mps'),
    deterministic: toggle(false, 'the same bits in every run on a GPU too; slower'),
    cudaGraph: toggle(false, 'run training steps as CUDA graphs: faster on fast GPUs, with more of their memory'),
    threads: number(0, threads, 'CPU threads that compute; 0 = one per core'),
    workers: number(0, threads, 'threads that decode and augment images; 0 = one per core'),
    cache: {
      ...pathOr(
        ['auto', 'off', 'memory'],
        'auto, off, memory or a folder',
        'cache of decoded images, which changes no result: auto (the folder of evenhand cache, if there is room), off, memory, or a folder',
      ),
      placeholder: 'DIR',
      schema: { type: 'string', minLength: 1 },
      accept: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
    },
  }),
} satisfies Record<string, Field<unknown>>;

/** A complete, validated configuration: with the machine it determines the result of a run. */
export type Config = { readonly [K in keyof typeof fields]: (typeof fields)[K] extends Field<infer T> ? T : never };

/** The configuration of a run that has begun. */
export type RunConfig = Config & { readonly batchSize: number };

export type FieldName = keyof Config;

export const fieldNames = Object.keys(fields) as FieldName[];

/** Names of the fields under a heading, `data` aside. */
export const fieldsOfGroup = (heading: string): FieldName[] =>
  fieldNames.filter((name) => fields[name].group === heading && name !== 'data');

/** `config` with every file and folder as `change` has it. */
export function mapPaths<C extends Config>(config: C, change: (path: string, name: FieldName) => string): C {
  const changed = fieldNames.flatMap((name) => {
    const { isPath } = fields[name] as Field<unknown>;
    const value = config[name];
    return typeof value === 'string' && isPath?.(value) ? [[name, change(value, name)] as const] : [];
  });
  return { ...config, ...Object.fromEntries(changed) };
}
