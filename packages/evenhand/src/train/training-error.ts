import type { EpochMetrics } from '../run/index.js';

/** Training cannot continue, for a reason that the user can do something about. */
export class TrainingError extends Error {
  readonly code = 'EVENHAND_TRAINING';
}

/** What to do about a phase that diverges. */
export const remedyForDivergence = (phase: EpochMetrics['phase']): string =>
  phase === 'head' ? 'lower headPhaseRate' : 'lower backboneRate and headRate, or set clipNorm to 1';
