/**
 * Finds the minimum of a function of one number between two bounds by golden-section search (Kiefer 1953), which needs no
 * derivative. The function must have only one minimum.
 *
 * @param tolerance width of the interval at which the search ends
 */
export function minimise(f: (x: number) => number, from: number, to: number, tolerance: number): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [from, to];
  let [a, b] = [high - ratio * (high - low), low + ratio * (high - low)];
  let [valueA, valueB] = [f(a), f(b)];
  while (high - low > tolerance) {
    if (valueA < valueB) {
      [high, b, valueB] = [b, a, valueA];
      a = high - ratio * (high - low);
      valueA = f(a);
    } else {
      [low, a, valueA] = [a, b, valueB];
      b = low + ratio * (high - low);
      valueB = f(b);
    }
  }
  return (low + high) / 2;
}
