import { parseDuration } from '../../duration.js';
import { familyOf } from '../../models/index.js';
import type { Config } from '../config/fields.js';
import { type BudgetPlan, imagesBesideEpochs, type Pace, planBudget } from '../schedule/budget.js';
import { imageSizeAt } from '../schedule/progressive-size.js';
import type { TrainingContext } from './context.js';
import { roughDuration } from './expected-time.js';
import { measureForwardRate } from './forward-rate.js';
import type { Position, TrainingState } from './state.js';

/** The part of a budget that the head phase may use if the whole network is trained after it. */
const HEAD_SHARE = 0.4;

/** The most of the full phase that may be warm-up. */
const MOST_WARMUP = 1 / 4;

/** Kept for the export and for what is not known beforehand: seconds, and a part of the budget. */
const RESERVE = { seconds: 6, share: 0.01 };

/** The seconds of a budget that trainings may use. */
export const usable = (seconds: number): number => seconds * (1 - RESERVE.share) - RESERVE.seconds;

/** What a training with a budget remembers in its checkpoint. */
export interface BudgetRecord {
  /** Seconds of the training so far; pauses between a stop and a resume do not count. */
  used: number;
  /** Seconds of passes over images before the full phase, and of judging labels by their features. */
  features?: number;
  judging?: number;
  /** Of the folds of a cross-validation, known with the plan: the seconds after which this one must end. */
  end?: number;
  /** Images per second of the last pass without gradients: see `noteForwardRate` of `TimeBudget`. */
  forwardRate?: number;
  /** Seconds of an update soon after that pass: passes to come become faster or slower as updates do. */
  updateSeconds?: number;
  headEpochs?: number;
  plan?: BudgetPlan;
  pace?: Pace & { readonly updateSeconds: number; readonly validationSeconds: number };
}

/** What several trainings share that have one budget, the folds of a cross-validation. */
export interface BudgetShare {
  /** Seconds that the other trainings have used. */
  readonly used: number;
  /** Number of trainings to come. */
  readonly later: number;
  /** Passes of an image without gradients in which the finished model is checked. */
  readonly checked?: number;
  /** What the first of them remembers: the others have its plan. */
  readonly first?: BudgetRecord | undefined;
}

/** The clock of a training with a budget. */
export class TimeBudget {
  readonly seconds: number;
  #usedBefore: number | undefined;

  /**
   * @param budget as in `Config.budget`
   * @param start when this process began to train, in milliseconds of `now`
   */
  constructor(
    budget: string,
    private readonly start: number,
    private readonly share: BudgetShare = { used: 0, later: 0 },
    private readonly now: () => number = () => performance.now(),
  ) {
    this.seconds = parseDuration(budget)!;
  }

  /** Whether other trainings are to come. */
  get isShared(): boolean {
    return this.share.later > 0;
  }

  /** Notes the seconds used in the position, which is saved. Returns what is remembered there. */
  note(position: Position): BudgetRecord {
    position.budget ??= this.#begin();
    this.#usedBefore ??= position.budget.used;
    position.budget.used = this.#usedBefore + (this.now() - this.start) / 1000;
    return position.budget;
  }

  /** Notes the speed of a pass without gradients. */
  noteForwardRate(position: Position, imagesPerSecond: number): void {
    const record = this.note(position);
    record.forwardRate = imagesPerSecond;
    // That of the next updates belongs to this speed.
    delete record.updateSeconds;
  }

  /** Seconds that are left: for all trainings until the full phase of this one is planned, from then on for this one. */
  left(position: Position): number {
    const { used, end, forwardRate = Number.POSITIVE_INFINITY } = this.note(position);
    const { used: usedByOthers, checked = 0 } = this.share;
    return (end ?? usable(this.seconds) - usedByOthers - checked / forwardRate) - used;
  }

  /**
   * Divides what is left among this training and those to come, less what these will need before their full phase: as much as
   * this one, without the features that they share.
   */
  divide(position: Position): void {
    const { later } = this.share;
    const left = this.left(position);
    const record = this.note(position);
    const before = record.used - (record.features ?? 0);
    record.end ??= record.used + (left - later * before) / (1 + later);
  }

  #begin(): BudgetRecord {
    const { forwardRate, updateSeconds, headEpochs, plan } = this.share.first ?? {};
    return {
      used: 0,
      ...(forwardRate === undefined ? {} : { forwardRate }),
      ...(updateSeconds === undefined ? {} : { updateSeconds }),
      ...(headEpochs === undefined ? {} : { headEpochs }),
      ...(plan === undefined ? {} : { plan }),
    };
  }
}

/**
 * The epochs of the head phase: those of the configuration, or as many of them as a budget has time for, at least one, and no
 * more if a new head takes the place of this one.
 */
export function headEpochsOf({ config, data, budget }: TrainingContext, { position }: TrainingState): number {
  if (!budget) return config.headEpochs;
  const left = budget.left(position);
  const record = budget.note(position);
  const kept = config.epochs > 0 ? (1 - HEAD_SHARE) * budget.seconds : 0;
  const more = Math.floor(((left - kept) * record.forwardRate!) / data.train.length);
  const most = config.epochs > 0 && config.newHeadEpochs > 0 ? 1 : config.headEpochs;
  record.headEpochs ??= Math.min(most, 1 + Math.max(0, more));
  return record.headEpochs;
}

/**
 * With a budget, plans the epochs and image sizes of the full phase by the speed of the machine, once per training.
 *
 * @returns the context of the full phase; null if it was interrupted
 */
export async function planFullPhase(context: TrainingContext, state: TrainingState): Promise<TrainingContext | null> {
  const { config, budget } = context;
  const { position } = state;
  if (!budget || config.epochs === 0) return context;
  const record = budget.note(position);
  if (!record.plan) {
    const forwardRate = await measureForwardRate(context);
    if (forwardRate === null) return null;
    budget.noteForwardRate(position, forwardRate);
  }
  budget.divide(position);
  record.plan ??= makePlan(context, state, budget, record.forwardRate!);
  const { epochs, startSize } = record.plan;
  const warmupEpochs = Math.min(config.warmupEpochs, epochs * MOST_WARMUP);
  // The rate falls to zero at the end of the time, so an early stop would never pay.
  return { ...context, config: { ...config, epochs, startSize, warmupEpochs, patience: 0 } };
}

/** Plans the time that is left, and says so. */
function makePlan(context: TrainingContext, state: TrainingState, budget: TimeBudget, forwardRate: number): BudgetPlan {
  const { config, data, preset, spec, onEvent } = context;
  const left = budget.left(state.position);
  const plan = planBudget(config, left, {
    forwardRate,
    train: data.train.length,
    val: data.val.length,
    size: preset.crop,
    beside: secondsBesideEpochs(context, state, forwardRate),
    fixedSize: familyOf(spec.architecture).fixedSize ?? false,
  });
  onEvent({ type: 'note', text: describePlan({ ...config, ...plan }, preset.crop, plan, budget, left) });
  // Without a head phase there would be no model at all.
  return plan.epochs === 0 && config.headEpochs === 0 ? { ...plan, epochs: 1 } : plan;
}

/** Seconds of what will be done beside the epochs of the full phase. */
export function secondsBesideEpochs(
  { config, data }: TrainingContext,
  { labels, position }: TrainingState,
  forwardRate: number,
): number {
  const isJudgedAgain = config.labelNoise === 'auto' && labels?.train !== undefined && !position.refreshed;
  const images = imagesBesideEpochs(config, { train: data.train.length, val: data.val.length }, isJudgedAgain);
  return images / forwardRate + (isJudgedAgain ? (position.budget?.judging ?? 0) : 0);
}

function describePlan(config: Config, size: number, plan: BudgetPlan, budget: TimeBudget, left: number): string {
  const start = `Budget of ${config.budget}`;
  if (left <= 0) {
    return `${start}: it was used up before the whole network could be trained, so the head alone is; ${remedy(budget)}`;
  }
  if (plan.epochs === 0) {
    return `${start}: the time left, ${roughDuration(left)}, is less than half an epoch of the whole network, so the head alone is trained.`;
  }
  const first = imageSizeAt(config, size, 0);
  const sizes = first < size ? `${first} to ${size}` : size;
  const hasTimeForFolds = config.folds === 0 && left > 2 * plan.seconds;
  const folds = hasTimeForFolds ? ', --fold all would train several networks in this time' : '';
  const longest = plan.isLongest ? `; more would gain little${folds}` : '';
  const epochs = plan.epochs === 1 ? '1 epoch' : `${plan.epochs} epochs`;
  const each = budget.isShared ? ' for each training' : '';
  return `${start}: ${epochs} of the whole network at ${sizes} pixels, about ${roughDuration(plan.seconds)}${each}${longest}.`;
}

const remedy = ({ seconds }: TimeBudget): string =>
  `fewer --head-epochs, a smaller model or a budget above ${roughDuration(seconds)} leave time for it.`;
