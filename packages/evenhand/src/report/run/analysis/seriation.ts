/**
 * Orders K classes so that similar ones are adjacent: hierarchical clustering with average linkage by nearest-neighbour
 * chains (Murtagh 1983); two clusters are joined at their most similar ends.
 *
 * @param similarity [K,K] row-major, symmetric; greater means more similar
 * @throws RangeError if similarity is not [K,K]
 */
export function seriate(similarity: Float64Array, numClasses: number): number[] {
  if (similarity.length !== numClasses * numClasses) {
    throw new RangeError(`similarity must be [K,K]; got ${similarity.length} values for ${numClasses} classes.`);
  }
  const between = similarity.slice();
  const members: (number[] | undefined)[] = Array.from({ length: numClasses }, (_, i) => [i]);
  const chain: number[] = [];
  for (let left = numClasses; left > 1; ) {
    if (chain.length === 0) chain.push(members.findIndex((cluster) => cluster !== undefined));
    const last = chain.at(-1)!;
    const previous = chain.at(-2);
    const nearest = nearestOf(between, numClasses, members, last, previous);
    if (nearest !== previous) {
      chain.push(nearest);
      continue;
    }
    chain.length -= 2;
    // The lower index keeps the cluster, so that equal similarities leave the classes in their order.
    const [kept, gone] = last < nearest ? [last, nearest] : [nearest, last];
    const [a, b] = [members[kept]!, members[gone]!];
    members[kept] = joinClusters(similarity, numClasses, a, b);
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
  return members.find((cluster) => cluster !== undefined) ?? [];
}

/** The cluster most similar to `from`; on a tie `previous`, so that the chain cannot cycle. */
function nearestOf(
  between: Float64Array,
  numClasses: number,
  members: readonly (number[] | undefined)[],
  from: number,
  previous: number | undefined,
): number {
  let nearest = previous ?? -1;
  let most = previous === undefined ? Number.NEGATIVE_INFINITY : between[from * numClasses + previous]!;
  for (let k = 0; k < numClasses; k++) {
    if (k === from || members[k] === undefined || !(between[from * numClasses + k]! > most)) continue;
    most = between[from * numClasses + k]!;
    nearest = k;
  }
  return nearest;
}

/** Joins two lists, each reversed if that makes the classes where they meet more similar. */
function joinClusters(similarity: Float64Array, numClasses: number, a: number[], b: number[]): number[] {
  const reversed = (list: number[]): number[] => [...list].reverse();
  const candidates = [
    [a, b],
    [reversed(a), b],
    [a, reversed(b)],
    [reversed(a), reversed(b)],
  ] as const;
  const similarityAtJoin = ([first, second]: readonly [number[], number[]]): number =>
    similarity[first.at(-1)! * numClasses + second[0]!]!;
  const [first, second] = candidates.reduce((best, candidate) =>
    similarityAtJoin(candidate) > similarityAtJoin(best) ? candidate : best,
  );
  return [...first, ...second];
}
