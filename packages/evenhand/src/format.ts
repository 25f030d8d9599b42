// Numbers as text, the same in messages, in the terminal and in reports.

/** A score in [0, 1] with three digits, `0.713`; `nan` if it is undefined. */
export const formatScore = (x: number): string => (Number.isFinite(x) ? x.toFixed(3) : 'nan');

/** A score with its interval: `0.713 [0.680, 0.745]`. */
export const formatInterval = (value: number, low: number, high: number): string =>
  `${formatScore(value)} [${formatScore(low)}, ${formatScore(high)}]`;

/** A proportion in [0, 1] with one decimal: `35.8 %`. */
export const formatPercent = (x: number): string => `${(100 * x).toFixed(1)} %`;

/** An estimated rate with its interval: `35.8 % [34.0 %, 37.6 %]`. */
export const formatRate = ({ value, low, high }: { value: number; low: number; high: number }): string =>
  `${formatPercent(value)} [${formatPercent(low)}, ${formatPercent(high)}]`;

/** A count with its noun: `1 image`, `3,113 images`, `2 classes`. */
export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

/** Number of parameters in millions: `22.1 M`; empty if unknown. */
export function formatParameters(count: number | null): string {
  return count === null ? '' : `${(count / 1e6).toFixed(1)} M`;
}

/** Multiply-accumulates in 10^9: `4.5`, `18`; empty if unknown. */
export function formatGmacs(gmacs: number | null): string {
  return gmacs === null ? '' : gmacs.toFixed(gmacs < 10 ? 1 : 0);
}
