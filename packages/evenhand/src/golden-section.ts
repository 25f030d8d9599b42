/**
 * Where a function of one number is least, between two bounds: golden section (Kiefer 1953), which needs no slope and
 * finds the least value of a function that has only one valley.
 *
 * @param tolerance the width at which the search ends
 */
export function leastPoint(f: (x: number) => number, from: number, to: number, tolerance: number): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [from, to];
  let [a, b] = [high - ratio * (high - low), low + ratio * (high - low)];
  let [atA, atB] = [f(a), f(b)];
  while (high - low > tolerance) {
    if (atA < atB) {
      [high, b, atB] = [b, a, atA];
      a = high - ratio * (high - low);
      atA = f(a);
    } else {
      [low, a, atA] = [a, b, atB];
      b = low + ratio * (high - low);
      atB = f(b);
    }
  }
  return (low + high) / 2;
}
