/**
 * An order of K classes in which those that are alike lie side by side: hierarchical clustering by average linkage, by
 * nearest-neighbour chains (Murtagh 1983), each two clusters joined at those ends that are most alike.
 *
 * @param similarity [K,K] row-major, symmetric; the greater the more alike
 * @throws RangeError when similarity is not [K,K]
 */
export function seriate(similarity: Float64Array, numClasses: number): number[] {
  if (similarity.length !== numClasses * numClasses) {
    throw new RangeError(`${similarity.length} similarities are not of ${numClasses} classes: expected [K,K].`);
  }
  const between = similarity.slice();
  const members: (number[] | undefined)[] = Array.from({ length: numClasses }, (_, i) => [i]);
  const chain: number[] = [];
  for (let left = numClasses; left > 1; ) {
    if (chain.length === 0) chain.push(members.findIndex((each) => each !== undefined));
    const last = chain.at(-1)!;
    const before = chain.at(-2);
    const nearest = nearestOf(between, numClasses, members, last, before);
    if (nearest !== before) {
      chain.push(nearest);
      continue;
    }
    chain.length -= 2;
    // The lower index keeps the cluster, so that equal similarities leave the classes in their order.
    const [kept, gone] = last < nearest ? [last, nearest] : [nearest, last];
    const [a, b] = [members[kept]!, members[gone]!];
    members[kept] = joined(similarity, numClasses, a, b);
    members[gone] = undefined;
    for (let k = 0; k < numClasses; k++) {
      if (members[k] === undefined || k === kept) continue;
      const mean =
        (a.length * between[kept * numClasses + k]! + b.length * between[gone * numClasses + k]!) /
        (a.length + b.length);
      between[kept * numClasses + k] = mean;
      between[k * numClasses + kept] = mean;
    }
    left--;
  }
  return members.find((each) => each !== undefined) ?? [];
}

/** The cluster most like `from`; of equal ones `before`, without which the chain might go round for ever. */
function nearestOf(
  between: Float64Array,
  numClasses: number,
  members: readonly (number[] | undefined)[],
  from: number,
  before: number | undefined,
): number {
  let nearest = before ?? -1;
  let most = before === undefined ? Number.NEGATIVE_INFINITY : between[from * numClasses + before]!;
  for (let k = 0; k < numClasses; k++) {
    if (k === from || members[k] === undefined || !(between[from * numClasses + k]! > most)) continue;
    most = between[from * numClasses + k]!;
    nearest = k;
  }
  return nearest;
}

/** Both lists as one, each turned so that the classes where they meet are as alike as can be. */
function joined(similarity: Float64Array, numClasses: number, a: number[], b: number[]): number[] {
  const turned = (list: number[]): number[] => [...list].reverse();
  const ways = [
    [a, b],
    [turned(a), b],
    [a, turned(b)],
    [turned(a), turned(b)],
  ] as const;
  const meeting = ([first, second]: readonly [number[], number[]]): number =>
    similarity[first.at(-1)! * numClasses + second[0]!]!;
  const [first, second] = ways.reduce((best, way) => (meeting(way) > meeting(best) ? way : best));
  return [...first, ...second];
}
