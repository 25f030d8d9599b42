import { suggest } from '../../suggest.js';

/**
 * Names of flags in timm, fastai, Ultralytics, torchvision, Keras and scikit-learn that differ from ours by more than
 * the spelling, and our flags for the same thing. Spelling is compared without dashes, underscores and case.
 */
export const FOREIGN_NAMES: ReadonlyMap<string, readonly string[]> = new Map([
  // Learning rate and schedule
  ...names('lr lr0 lrbase baselr lrmax learningrate', ['backbone-rate', 'head-rate']),
  ...names('headlr', ['head-rate']),
  ...names('backbonelr', ['backbone-rate']),
  ...names('warmup', ['warmup-epochs']),
  ...names('numepochs nepoch nepochs niter', ['epochs']),
  ...names('freezeepochs', ['head-epochs']),
  ...names('earlystopping', ['patience']),
  // Optimisation
  ...names('bs batch b', ['batch-size']),
  ...names('wd', ['weight-decay']),
  ...names('clipgrad gradclip maxnorm', ['clip-norm']),
  ...names('gradaccumsteps gradientaccumulationsteps', ['accumulate']),
  ...names('modelema modelemadecay', ['ema']),
  ...names('amp fp16', ['autocast']),
  ...names('half', ['autocast', 'fp16']),
  ...names('randomstate', ['seed']),
  // Model and images
  ...names('arch backbone modelname', ['model']),
  ...names('pretrained initialcheckpoint checkpoint ckpt nopretrained', ['weights']),
  ...names('imgsz imgsize inputsize size resolution', ['image-size']),
  ...names('drop dropout', ['head-dropout']),
  // Augmentation and loss
  ...names('smoothing', ['label-smoothing']),
  ...names('mixup', ['mix-probability', 'mix-alpha']),
  ...names('cutmix', ['mix-probability', 'cut-mix-share']),
  ...names('mixupprob', ['mix-probability']),
  ...names('mixupalpha', ['mix-alpha']),
  ...names('reprob randomerase randomerasing', ['erasing']),
  ...names('aa autoaugment', ['policy']),
  ...names('colorjitter', ['brightness', 'contrast', 'saturation', 'hue']),
  ...names('hflip fliplr', ['horizontal-flip']),
  ...names('vflip flipud', ['vertical-flip']),
  ...names('degrees', ['rotation']),
  ...names('scale', ['crop-scale']),
  ...names('ratio', ['crop-ratio']),
  ...names('classweights clsweights clspw', ['balance']),
  // Data
  ...names('datapath datadir dataset', ['data']),
  ...names('imagedir imgdir', ['images']),
  ...names('valsplit validationsplit validpct testsize', ['val-fraction']),
  ...names('nfolds nsplits kfold cv', ['folds']),
  ...names('target labelcol', ['label-column']),
  ...names('fncol filenamecol', ['filename-column']),
  // Machine and files
  ...names('gpu gpus', ['device']),
  ...names('numworkers nworkers j', ['workers']),
  ...names('njobs', ['threads', 'workers']),
  ...names('output outputdir o', ['out', 'run']),
  ...names('project name experiment', ['run']),
  ...names('source', ['csv']),
  ...names('topk', ['top-k']),
  ...names('conf', ['probs']),
]);

function names(foreign: string, flags: readonly string[]): [string, readonly string[]][] {
  return foreign.split(' ').map((name) => [name, flags]);
}

/** Arguments of the commands that take their data without a flag. */
const DATA_ARGUMENTS: ReadonlyMap<string, string> = new Map([
  ['check', 'DATA'],
  ['audit', 'DATA'],
  ['train', 'DATA'],
  ['eval', 'RUN DATA'],
]);

/** What the user probably meant by a flag that the command does not have, for the end of a message. */
export function hintFor(name: string, command: string, flags: readonly string[]): string {
  const foreign = FOREIGN_NAMES.get(normalize(name)) ?? [];
  const dataArguments = DATA_ARGUMENTS.get(command);
  if (foreign.includes('data') && dataArguments !== undefined) {
    return `the data is given without a flag: evenhand ${command} ${dataArguments}`;
  }
  const known = foreign.filter((flag) => flags.includes(flag));
  const likely = suggest(name, flags);
  const meant = known.length > 0 ? known : likely === undefined ? [] : [likely];
  if (meant.length === 0) return `see evenhand ${command} --help`;
  const list = meant.map((flag) => `--${flag}`);
  const last = list.pop()!;
  return `did you mean ${list.length > 0 ? `${list.join(', ')} or ${last}` : last}?`;
}

const normalize = (name: string): string => name.toLowerCase().replace(/[-_]/g, '');
