import type { Config } from '../config/fields.js';
import { epochCost } from './cost.js';

/** A plan never trains for more than this many times the epochs of the configuration: more gain little. */
const MOST_EPOCHS = 3;

/** Below this number of epochs, small images pay: images of the first epochs are at most this share of the final size. */
const SMALL_START = { epochs: 4, share: 0.7 };

/** The least part of an epoch for which a full phase is worth its cost; below it the head alone is trained. */
const LEAST_EPOCH = 0.5;

/** What is known of the speed when the full phase is planned. */
export interface Speed {
  /** Images per second of a pass without gradients at the final image size. */
  readonly forwardRate: number;
  /** Numbers of images. */
  readonly train: number;
  readonly val: number;
  /** The final image size in pixels. */
  readonly size: number;
  /** Seconds of what is done beside the epochs, such as judging the labels again. */
  readonly beside: number;
  /** Whether the architecture has one image size. */
  readonly fixedSize: boolean;
}

/** What a budget changes in the configuration of the full phase. */
export interface BudgetPlan {
  readonly epochs: number;
  readonly startSize: number;
  /** Expected seconds of the full phase. */
  readonly seconds: number;
  /** Whether more epochs would fit, but would gain little. */
  readonly isLongest: boolean;
}

/**
 * The full phase that fits into `seconds`: the most epochs, up to three times those of the configuration. If fewer than four
 * fit, the images of the first epochs are smaller, so that there are more of them. No epochs if less than half of one fits.
 */
export function planBudget(config: Config, seconds: number, speed: Speed): BudgetPlan {
  const { size, fixedSize } = speed;
  const small = Math.max(32, Math.round((size * SMALL_START.share) / 32) * 32);
  const mayStartSmall = !fixedSize && config.startSize === 0 && small < size;
  const plan = mostEpochs(config, config.startSize, seconds, speed);
  return mayStartSmall && plan.epochs < SMALL_START.epochs ? mostEpochs(config, small, seconds, speed) : plan;
}

function mostEpochs(config: Config, startSize: number, seconds: number, speed: Speed): BudgetPlan {
  const cost = (epochs: number): number => fullPhaseSeconds({ ...config, startSize, epochs }, speed);
  const most = MOST_EPOCHS * config.epochs;
  let epochs = 1;
  while (epochs < most && cost(epochs + 1) <= seconds) epochs++;
  if (seconds < LEAST_EPOCH * cost(1)) epochs = 0;
  const isLongest = epochs === most && cost(most + 1) <= seconds;
  return { epochs, startSize, seconds: epochs === 0 ? 0 : Math.min(seconds, cost(epochs)), isLongest };
}

/** Expected seconds of the full phase of a configuration. */
export function fullPhaseSeconds(config: Config, { forwardRate, train, val, size, beside }: Speed): number {
  let images = 0;
  for (let epoch = 0; epoch < config.epochs; epoch++) images += epochCost(config, size, epoch, { train, val });
  return beside + images / forwardRate;
}

/**
 * Passes of images without gradients beside the epochs of the full phase: judging the labels again by both sides of each image,
 * a pass for the BatchNorm statistics and the score of averaged weights, and the new head.
 */
export function imagesBesideEpochs(
  { average, newHeadEpochs }: Config,
  { train, val }: Pick<Speed, 'train' | 'val'>,
  isJudgedAgain: boolean,
): number {
  const all = train + val;
  return (
    (isJudgedAgain ? 2 * all : 0) + (average > 1 ? all : 0) + (newHeadEpochs > 0 ? val + newHeadEpochs * train : 0)
  );
}

/** Number of trainings of a cross-validation: each fold, and where the model is then trained on all images, one more. */
export const trainingsOf = ({ folds, combine }: Pick<Config, 'folds' | 'combine'>): number =>
  folds + (combine === 'refit' || combine === 'distil' ? 1 : 0);

/** Numbers of folds that a budget chooses from. */
const FOLDS = { most: 5, least: 2 };

/** The fewest epochs with which several networks were measured to be better than a longer training: `npm run bench -- folds`. */
const LEAST_FOLD_EPOCHS = 3;

/**
 * The number of folds on which a cross-validation spends `seconds` best: as many as leave each at least three epochs of the whole
 * network, from two to five; five too if only heads are trained, whose features all folds share.
 *
 * @param speed with `train` as the number of all images
 */
export function planFolds(config: Config, seconds: number, speed: Omit<Speed, 'val' | 'beside'>): number {
  const { labelNoise, headEpochs, newHeadEpochs, combine } = config;
  const images = speed.train;
  const isJudged = labelNoise === 'auto';
  // What the folds share: both sides of each image to judge labels, or one for validation, and the views of the head phase.
  const views = Math.min(headEpochs, newHeadEpochs > 0 ? 1 : headEpochs);
  const left = seconds - ((views + (isJudged ? 2 : Math.min(views, 1))) * images) / speed.forwardRate;
  const epochsOf = (folds: number): number => {
    const val = Math.round(images / folds);
    const part = { train: images - val, val };
    const beside = imagesBesideEpochs(config, part, isJudged) / speed.forwardRate;
    return planBudget(config, left / trainingsOf({ folds, combine }), { ...speed, ...part, beside }).epochs;
  };
  if (config.epochs === 0 || epochsOf(FOLDS.least) === 0) return FOLDS.most;
  for (let folds = FOLDS.most; folds > FOLDS.least; folds--) if (epochsOf(folds) >= LEAST_FOLD_EPOCHS) return folds;
  return FOLDS.least;
}

/** The place of a training in its schedule, which follows the time that is left. */
export interface Pace {
  /** Updates of the planned schedule that have passed, with a fraction. */
  readonly position: number;
  /** Updates that were really done. */
  readonly updates: number;
}

/** What the steps to come will cost. */
export interface PaceFacts {
  /** Updates of the planned schedule, and those of one of its epochs. */
  readonly totalUpdates: number;
  readonly updatesPerEpoch: number;
  /** Seconds of an update at the final image size. */
  readonly updateSeconds: number;
  /** Seconds of a validation, one after each pass over the training images. */
  readonly validationSeconds: number;
  /** The area of the images of an epoch of the planned schedule, relative to the final one. */
  readonly area: (epoch: number) => number;
  /** Whether updates may advance the schedule by less than one, so that there are more of them than planned. */
  readonly mayStretch: boolean;
}

/**
 * Advances by one update. If `secondsLeft` are more or less than the rest of the schedule needs at the present speed, an
 * update advances it by less or more than one: learning rates and image sizes reach the end of the schedule when the time
 * is over, however the speed changes.
 */
export function advance({ position, updates }: Pace, secondsLeft: number, facts: PaceFacts): Pace {
  const rest = facts.totalUpdates - position;
  const fitting = fittingUpdates(position, secondsLeft, facts);
  const step = fitting <= 1 ? rest : rest / fitting;
  const next = position + (facts.mayStretch ? step : Math.max(1, step));
  return { position: Math.min(facts.totalUpdates, next), updates: updates + 1 };
}

/** Updates that fit into the time that is left, the one that is being counted included. */
export function fittingUpdates(position: number, secondsLeft: number, facts: PaceFacts): number {
  const { totalUpdates, updatesPerEpoch, updateSeconds, validationSeconds, area } = facts;
  // The mean cost of an update from here to the end of the schedule, in which the images grow.
  let cost = 0;
  for (let at = position; at < totalUpdates; ) {
    const epoch = Math.floor(at / updatesPerEpoch + 1e-9);
    const end = Math.min(totalUpdates, (epoch + 1) * updatesPerEpoch);
    cost += (end - at) * area(epoch);
    at = end;
  }
  const rest = totalUpdates - position;
  if (rest <= 0) return 0;
  const perUpdate = (updateSeconds * cost) / rest + validationSeconds / updatesPerEpoch;
  return Math.max(0, secondsLeft) / perUpdate;
}
