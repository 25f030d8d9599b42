import type { EpochMetrics } from '../../../run/index.js';

/** `85 s`, `12 min` or `2 h 5 min`. */
export function showDuration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The duration of epochs together, as far as it was recorded. */
export const secondsOf = (epochs: readonly Pick<EpochMetrics, 'seconds'>[]): number =>
  epochs.reduce((sum, { seconds }) => sum + (Number.isFinite(seconds) ? seconds : 0), 0);
