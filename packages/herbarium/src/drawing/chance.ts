import type { Random } from 'evenhand/random';

export type Range = readonly [low: number, high: number];

export const within = (random: Random, [low, high]: Range): number => low + (high - low) * random.uniform();

/** A number within `by` of `value`, with a triangular distribution. */
export const about = (random: Random, value: number, by: number): number =>
  value + by * (random.uniform() + random.uniform() - 1);

export const chance = (random: Random, probability: number): boolean => random.uniform() < probability;

export function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[random.int(choices.length)]!;
}

export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  return Array.from(random.permutation(items.length), (i) => items[i]!);
}
