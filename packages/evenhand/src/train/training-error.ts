import type { EpochMetrics } from '../run/index.js';
import type { Config } from './config/fields.js';

/** Training cannot continue, for a reason that the user can do something about. */
export class TrainingError extends Error {
  readonly code = 'EVENHAND_TRAINING';
  /** Settings with which resuming the run can help; absent if nothing can. */
  readonly resumeWith?: Partial<Config>;

  constructor(message: string, resumeWith?: Partial<Config>) {
    super(message);
    if (resumeWith !== undefined) this.resumeWith = resumeWith;
  }
}

/** The error of a phase that diverges: `what` names the value and the place. */
export function divergence(config: Config, phase: EpochMetrics['phase'], what: string): TrainingError {
  const kept = 'the best checkpoint so far is kept';
  const lower = (rate: number): number => Number((rate / 3).toPrecision(2));
  if (phase !== 'full') {
    return new TrainingError(`${what}: lower headPhaseRate; ${kept}`, { headPhaseRate: lower(config.headPhaseRate) });
  }
  const clipNorm = config.clipNorm === 0 ? 1 : config.clipNorm;
  const resumeWith = { backboneRate: lower(config.backboneRate), headRate: lower(config.headRate), clipNorm };
  return new TrainingError(`${what}: lower backboneRate and headRate, or set clipNorm to 1; ${kept}`, resumeWith);
}
