/** One of `count` parts of a list, counted from 0. */
export interface Part {
  readonly index: number;
  readonly count: number;
}

/** The positions of a part in a list of `total`: from `start` to before `end`. Sizes differ by at most one. */
export const rangeOf = ({ index, count }: Part, total: number): { start: number; end: number } => ({
  start: Math.floor((total * index) / count),
  end: Math.floor((total * (index + 1)) / count),
});
