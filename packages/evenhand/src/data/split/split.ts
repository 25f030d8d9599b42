import { Random } from '../../random.js';
import { DataError } from '../errors.js';

/** The training and validation samples: indices in ascending order. */
export interface Split {
  readonly train: Int32Array;
  readonly val: Int32Array;
  /** Set if groups were too large to hold out anything by the fraction: the smallest ones are held out instead. */
  readonly relaxed?: true;
}

/**
 * Holds out a fraction of each class for validation: a stratified random split, a pure function of its arguments. Each
 * class with two or more samples has at least one on both sides, unless groups prevent it. If nothing fits, because every
 * class has one sample or groups are large, the nearest possible split is taken; `val` is empty only for a single group.
 * @param labels [N] the class of each sample
 * @param fraction in (0, 1)
 * @param groups [N] samples with the same number, such as near-duplicates or photos of one plant, stay on one side
 * @throws DataError for another fraction
 */
export function splitFraction(
  labels: ArrayLike<number>,
  fraction: number,
  seed: number,
  groups?: ArrayLike<number>,
): Split {
  if (!(fraction > 0 && fraction < 1)) {
    throw new DataError(
      `The validation fraction is ${fraction}; expected a number above 0 and below 1, for example 0.15.`,
    );
  }
  const wanted = new Map<number, number>();
  for (const [label, count] of countBy(Array.from(labels))) {
    const target = count < 2 ? 0 : Math.min(Math.max(Math.round(count * fraction), 1), count - 1);
    wanted.set(label, target);
  }
  const inVal = new Uint8Array(labels.length);
  const groupsInOrder = shuffledGroups(labels.length, seed, groups);
  for (const members of groupsInOrder) {
    if (members.length === 1) {
      const [only] = members as [number];
      const left = wanted.get(labels[only]!)!;
      inVal[only] = Math.sign(left);
      wanted.set(labels[only]!, left - inVal[only]);
      continue;
    }
    const needed = countBy(members.map((i) => labels[i]!));
    if (![...needed].every(([label, count]) => wanted.get(label)! >= count)) continue;
    for (const [label, count] of needed) wanted.set(label, wanted.get(label)! - count);
    for (const i of members) inVal[i] = 1;
  }
  if (inVal.includes(1)) return sides(inVal.length, (i) => inVal[i] === 1);
  for (const members of nearestHoldOut(labels, groupsInOrder, fraction)) for (const i of members) inVal[i] = 1;
  const split = sides(inVal.length, (i) => inVal[i] === 1);
  return split.val.length > 0 ? { ...split, relaxed: true } : split;
}

/**
 * Groups to hold out if none fits into the fraction: for each class the smallest one that leaves training images of all its
 * classes; if there is none for any class, the smallest groups up to the fraction, but never all.
 */
function nearestHoldOut(labels: ArrayLike<number>, groups: readonly number[][], fraction: number): number[][] {
  const bySize = [...groups].sort((a, b) => a.length - b.length);
  const left = countBy(Array.from(labels));
  const covered = new Set<number>();
  const heldOut: number[][] = [];
  for (const members of bySize) {
    const counts = countBy(members.map((i) => labels[i]!));
    const isNew = [...counts.keys()].some((label) => !covered.has(label));
    if (!isNew || ![...counts].every(([label, count]) => left.get(label)! > count)) continue;
    for (const [label, count] of counts) {
      left.set(label, left.get(label)! - count);
      covered.add(label);
    }
    heldOut.push(members);
  }
  if (heldOut.length > 0) return heldOut;
  let size = 0;
  for (const members of bySize.slice(0, -1)) {
    if (size > 0 && size + members.length > labels.length * fraction) break;
    size += members.length;
    heldOut.push(members);
  }
  return heldOut;
}

/**
 * Cross-validation: holds out fold number `fold` of `folds`. Each class is spread over the folds as evenly as groups
 * permit; a pure function of its arguments.
 * @param fold from 0 to folds - 1
 * @param groups as for `splitFraction`
 * @throws DataError when `folds` is not from 2 to the number of samples, or there is no such fold
 */
export function splitFold(
  labels: ArrayLike<number>,
  folds: number,
  fold: number,
  seed: number,
  groups?: ArrayLike<number>,
): Split {
  if (!Number.isInteger(folds) || folds < 2 || folds > labels.length) {
    throw new DataError(`The number of folds is ${folds}; expected a whole number from 2 to ${labels.length}.`);
  }
  if (!Number.isInteger(fold) || fold < 0 || fold >= folds) {
    throw new DataError(
      `There is no fold ${fold}: with ${folds} folds, fold must be a whole number from 0 to ${folds - 1}.`,
    );
  }
  const foldOf = new Int32Array(labels.length);
  const sizes = new Array<number>(folds).fill(0);
  const counts = Array.from({ length: folds }, () => new Map<number, number>());
  // Larger groups first: they are harder to place evenly.
  const ordered = shuffledGroups(labels.length, seed, groups).sort((a, b) => b.length - a.length);
  for (const members of ordered) {
    const classes = [...new Set(members.map((i) => labels[i]!))];
    const load = (f: number): number => classes.reduce((sum, label) => sum + (counts[f]!.get(label) ?? 0), 0);
    let best = 0;
    for (let f = 1; f < folds; f++) {
      const difference = load(f) - load(best);
      if (difference < 0 || (difference === 0 && sizes[f]! < sizes[best]!)) best = f;
    }
    for (const i of members) {
      foldOf[i] = best;
      counts[best]!.set(labels[i]!, (counts[best]!.get(labels[i]!) ?? 0) + 1);
    }
    sizes[best]! += members.length;
  }
  return sides(foldOf.length, (i) => foldOf[i] === fold);
}

/** The members of each group, in random order. */
function shuffledGroups(n: number, seed: number, groups: ArrayLike<number> | undefined): number[][] {
  const byGroup = new Map<number, number[]>();
  for (const i of new Random(seed).permutation(n)) {
    const group = groups?.[i] ?? i;
    const members = byGroup.get(group);
    if (members === undefined) byGroup.set(group, [i]);
    else members.push(i);
  }
  return [...byGroup.values()];
}

function countBy(labels: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

function sides(n: number, inVal: (i: number) => boolean): Split {
  const all = Array.from({ length: n }, (_, i) => i);
  return { train: Int32Array.from(all.filter((i) => !inVal(i))), val: Int32Array.from(all.filter(inVal)) };
}
