import { chosenInterval } from '../../../run/index.js';
import type { Analysis } from './analyse-run.js';

interface ScoreWithInterval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** The scores at the top of the report, on the validation labels as given. */
export interface Headline {
  readonly macroF1: number;
  readonly low: number;
  readonly high: number;
  readonly accuracy: number;
  readonly balancedAccuracy: number;
  readonly numClasses: number;
  readonly numPresent: number;
  /**
   * Macro F1 against posterior labels, if label errors were found among the validation images. It chose the checkpoint; it
   * is not a score to publish, because partly correct predictions count in part.
   */
  readonly posterior: ScoreWithInterval | null;
}

/** The scores of the best epoch as recorded, or computed from its predictions; null if the run has no epoch yet. */
export function headlineOf({ best, scores }: Analysis): Headline | null {
  if (best !== null) {
    const posterior = best.macroF1Posterior === undefined ? null : chosenInterval(best);
    return { ...best, low: best.macroF1Low, high: best.macroF1High, posterior };
  }
  if (scores === null) return null;
  return { ...scores.report, low: scores.interval.low, high: scores.interval.high, posterior: null };
}
