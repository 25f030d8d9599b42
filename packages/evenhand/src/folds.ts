/**
 * Assigns each of N labelled items to a cross-fitting fold, so that every class is spread over all folds. The first item
 * of class c goes to fold c mod `folds`, the next one to the fold after it: classes with a single item would all share
 * fold 0 otherwise.
 *
 * Unlike `splitFold` of the data, it does not even out the sizes of folds when groups are large.
 *
 * @param labels [N] class indices
 * @param order [N] a permutation of 0 to N - 1 in which the items are assigned
 * @param groups [N] items with the same number share a fold
 * @returns [N] folds from 0 to `folds` - 1
 */
export function assignFolds(
  labels: ArrayLike<number>,
  folds: number,
  order: Int32Array,
  groups?: ArrayLike<number>,
): Int32Array {
  const nextOfClass = new Map<number, number>();
  const foldOfGroup = new Map<number, number>();
  const foldOf = new Int32Array(labels.length);
  for (const i of order) {
    const group = groups?.[i] ?? i;
    const label = labels[i]!;
    let fold = foldOfGroup.get(group);
    if (fold === undefined) {
      const next = nextOfClass.get(label) ?? label;
      nextOfClass.set(label, next + 1);
      fold = next % folds;
      foldOfGroup.set(group, fold);
    }
    foldOf[i] = fold;
  }
  return foldOf;
}
