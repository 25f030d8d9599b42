/** The mean of values and their standard deviation, with n - 1 as its divisor; that of one value is 0. Both NaN without any. */
export function meanAndDeviation(values: readonly number[]): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length === 0 ? Number.NaN : Math.sqrt(squares / (values.length - 1 || 1)) };
}
