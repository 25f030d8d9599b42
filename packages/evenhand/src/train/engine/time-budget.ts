import { nn } from '@evenhand/torch';
import { parseDuration } from '../../duration.js';
import { familyOf } from '../../models/index.js';
import type { Config } from '../config/fields.js';
import { type BudgetPlan, type Pace, planBudget } from '../schedule/budget.js';
import { imageSizeAt } from '../schedule/progressive-size.js';
import type { TrainingContext } from './context.js';
import { roughDuration } from './expected-time.js';
import { computeFeatures } from './features.js';
import type { Position, TrainingState } from './state.js';

/** The part of a budget that the head phase may use if the whole network is trained after it. */
const HEAD_SHARE = 0.4;

/** Kept for the export and for what is not known beforehand: seconds, and a part of the budget. */
const RESERVE = { seconds: 3, share: 0.01 };

/** What a training with a budget remembers in its checkpoint. */
export interface BudgetRecord {
  /** Seconds of the training so far; pauses between a stop and a resume do not count. */
  used: number;
  /** Images per second of the last pass without gradients. */
  forwardRate?: number;
  headEpochs?: number;
  plan?: BudgetPlan;
  pace?: Pace & { readonly updateSeconds: number; readonly validationSeconds: number };
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
    private readonly now: () => number = () => performance.now(),
  ) {
    this.seconds = parseDuration(budget)!;
  }

  /** Notes the seconds used in the position, which is saved. Returns what is remembered there. */
  note(position: Position): BudgetRecord {
    position.budget ??= { used: 0 };
    this.#usedBefore ??= position.budget.used;
    position.budget.used = this.#usedBefore + (this.now() - this.start) / 1000;
    return position.budget;
  }

  /** Seconds that are left for training. */
  left(position: Position): number {
    return this.seconds * (1 - RESERVE.share) - RESERVE.seconds - this.note(position).used;
  }
}

/** The epochs of the head phase: those of the configuration, or as many of them as a budget has time for, at least one. */
export function headEpochsOf({ config, data, budget }: TrainingContext, { position }: TrainingState): number {
  if (!budget) return config.headEpochs;
  const left = budget.left(position);
  const record = budget.note(position);
  const kept = config.epochs > 0 ? (1 - HEAD_SHARE) * budget.seconds : 0;
  const more = Math.floor(((left - kept) * record.forwardRate!) / data.train.length);
  record.headEpochs ??= Math.min(config.headEpochs, 1 + Math.max(0, more));
  return record.headEpochs;
}

/**
 * With a budget, plans the epochs and image sizes of the full phase by the speed so far, once per training.
 *
 * @returns the context of the full phase; null if it was interrupted
 */
export async function planFullPhase(context: TrainingContext, state: TrainingState): Promise<TrainingContext | null> {
  const { config, budget, data, model, onEvent } = context;
  const { position } = state;
  if (!budget || config.epochs === 0) return context;
  let plan = position.budget?.plan;
  if (!plan) {
    if (position.budget?.forwardRate === undefined) {
      nn.setTraining(model, false);
      const measured = await computeFeatures(context, state, context.validation!, data.val.length);
      if (!measured) return null;
      measured.dispose();
    }
    const left = budget.left(position);
    plan = planBudget(config, left, {
      forwardRate: position.budget!.forwardRate!,
      train: data.train.length,
      val: data.val.length,
      size: context.preset.crop,
      judging: config.labelNoise === 'auto' ? passesToJudge(state) : 0,
      fixedSize: familyOf(context.spec.architecture).fixedSize ?? false,
    });
    // Without a head phase there would be no model at all.
    if (plan.epochs === 0 && config.headEpochs === 0) plan = { ...plan, epochs: 1 };
    position.budget!.plan = plan;
    onEvent({ type: 'note', text: describePlan({ ...config, ...plan }, context.preset.crop, plan, budget, left) });
  }
  const { epochs, startSize } = plan;
  // The rate falls to zero at the end of the time, so an early stop would never pay.
  return { ...context, config: { ...config, epochs, startSize, patience: 0 } };
}

/** Passes without gradients over all images for judging the labels again, which shows both sides of each image. */
export const passesToJudge = ({ labels, position }: TrainingState): number =>
  labels?.train && !position.refreshed ? 2 : 0;

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
  const longest = plan.isLongest ? '; more would gain little' : '';
  const epochs = plan.epochs === 1 ? '1 epoch' : `${plan.epochs} epochs`;
  return `${start}: ${epochs} of the whole network at ${sizes} pixels, about ${roughDuration(plan.seconds)}${longest}.`;
}

const remedy = ({ seconds }: TimeBudget): string =>
  `fewer --head-epochs, a smaller model or a budget above ${roughDuration(seconds)} leave time for it.`;
