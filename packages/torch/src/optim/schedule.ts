import { badArgument } from '../errors.js';

/** Returns the factor for the base learning rate at a step, counted from 0. A pure function. */
export type Schedule = (step: number) => number;

export interface ScheduleOptions {
  totalSteps: number;
  /** Steps in which the factor rises linearly, from 1/warmupSteps at step 0 to 1 at the last of them. */
  warmupSteps?: number;
  /** The factor at the end of the schedule. */
  floor?: number;
}

/** A factor of 1 after the warm-up. */
export function constant({ totalSteps, warmupSteps = 0 }: Omit<ScheduleOptions, 'floor'>): Schedule {
  return descending({ totalSteps, warmupSteps, floor: 1 }, () => 1);
}

/** After the warm-up, half a cosine from 1 to `floor`: SGDR without restarts, Loshchilov & Hutter, arXiv 1608.03983. */
export function cosine(options: ScheduleOptions): Schedule {
  return descending(options, (progress) => 0.5 * (1 + Math.cos(Math.PI * progress)));
}

/** After the warm-up, a straight line from 1 to `floor`. */
export function linear(options: ScheduleOptions): Schedule {
  return descending(options, (progress) => 1 - progress);
}

function descending(
  { totalSteps, warmupSteps = 0, floor = 0 }: ScheduleOptions,
  shape: (progress: number) => number,
): Schedule {
  for (const [name, value] of Object.entries({ totalSteps, warmupSteps })) {
    if (!(Number.isInteger(value) && value >= 0))
      throw badArgument(`${name} must be a whole number of steps, got ${value}`);
  }
  return (step) => {
    if (step < warmupSteps) return (step + 1) / warmupSteps;
    const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
    return floor + (1 - floor) * shape(progress);
  };
}
