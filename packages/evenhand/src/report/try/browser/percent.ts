/** A share as a percentage, never 0 % or 100 %. */
export function percent(x: number): string {
  if (x < 0.01) return '< 1\u00a0%';
  return x > 0.99 ? '> 99\u00a0%' : `${Math.round(x * 100)}\u00a0%`;
}
