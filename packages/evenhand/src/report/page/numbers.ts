// Numbers as the pages show them: as in format.ts, with a dash for a missing number, and percentages that stay on one line.
import { formatPercent, formatScore } from '../../format.js';

/** Shown in place of a missing number. */
export const NONE = '–';

/** A score from 0 to 1 with three digits. */
export const showScore = (x: number): string => (Number.isFinite(x) ? formatScore(x) : NONE);

/** A share from 0 to 1 as a whole percentage: `36 %`. */
export const showPercent = (x: number): string => (Number.isFinite(x) ? `${Math.round(x * 100)}\u00a0%` : NONE);

/** A small share from 0 to 1 with one decimal: `8.1 %`. */
export const showRate = (x: number): string => (Number.isFinite(x) ? formatPercent(x).replace(' ', '\u00a0') : NONE);

/** A probability as a whole percentage, never 0 % or 100 %. */
export function showProbability(x: number): string {
  if (x < 0.01) return '<\u00a01\u00a0%';
  return x > 0.99 ? '>\u00a099\u00a0%' : showPercent(x);
}

/** A count with thousands separators: `3,113`. */
export const showCount = (n: number): string => (Number.isFinite(n) ? n.toLocaleString('en') : NONE);
