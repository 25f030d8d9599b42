import { Turns } from '../turns.js';
import { Groups } from './groups.js';
import { findNearHashes, MAX_BITS, sortByHash } from './near-hashes.js';
import { bitCount } from './perceptual-hash.js';
import type { ImageFacts } from './scan.js';

/** Two files with the same or nearly the same image. */
export interface DuplicatePair {
  readonly a: string;
  readonly b: string;
  /** Whether the files are identical byte for byte. */
  readonly exact: boolean;
}

export interface Duplicates {
  /** In the order of the images. */
  readonly pairs: readonly DuplicatePair[];
  /** The sizes of groups of images of which only those pairs are listed that connect each group. Usually empty. */
  readonly largeGroups: readonly number[];
}

/**
 * Images count as near-duplicates up to 12 differing bits of the hash (`MAX_BITS`) and this root mean square difference
 * of miniatures. Among 3,489 photos of 102 flower species (6 million pairs) these limits find 8 pairs, all of them the
 * same photo or the same flower photographed twice in a row. Two more bits add 6 pairs, 4 of them different flowers.
 * Without the second limit, different images of the same composition (a bright flower on black) match.
 */
const MAX_DIFFERENCE = 30;

/** The largest number of pairs that are listed beside those that connect groups. */
const MAX_PAIRS = 1_000_000;

/**
 * Finds all pairs of identical or nearly identical images: the same photo scaled, recompressed or slightly changed in
 * colour. The images that such pairs connect are a group. All pairs of a group are listed, the smallest groups first, as
 * long as that cannot be more than a million pairs; of larger groups, only as many pairs as connect them.
 *
 * A million images take one to two minutes on one core. The event loop runs meanwhile.
 * @param onProgress called with the number of images that are done, as a share of the work
 */
export async function findDuplicates(
  images: Iterable<ImageFacts>,
  onProgress?: (done: number, total: number) => void,
): Promise<Duplicates> {
  const all = [...images];
  const search = new DuplicateSearch(all);
  await search.connect((share) => onProgress?.(Math.round(share * all.length), all.length));
  return search.list();
}

class DuplicateSearch {
  readonly #images: readonly ImageFacts[];
  /** [N] the words of the hashes. */
  readonly #high: Int32Array;
  readonly #low: Int32Array;
  /** [N] the sum of each miniature. */
  readonly #sums: Int32Array;
  readonly #groups: Groups;
  /** Pairs that have connected groups, as [i, j, i, j, ...]. */
  readonly #links: number[] = [];
  readonly #turns = new Turns();

  constructor(images: readonly ImageFacts[]) {
    this.#images = images;
    this.#high = Int32Array.from(images, ({ hash }) => hash[0] | 0);
    this.#low = Int32Array.from(images, ({ hash }) => hash[1] | 0);
    this.#sums = new Int32Array(images.length);
    this.#groups = new Groups(images.length);
  }

  /** Joins the groups of all near-duplicates. */
  async connect(onProgress: (share: number) => void): Promise<void> {
    for (const [i, { miniature }] of this.#images.entries()) {
      let sum = 0;
      for (let k = 0; k < miniature.length; k++) sum += miniature[k]!;
      this.#sums[i] = sum;
      if (this.#turns.due) await this.#turns.next();
    }
    // Images with equal hashes first, then different hashes: a hundred thousand blank images have one hash.
    const { order, starts } = sortByHash(this.#high, this.#low);
    const count = starts.length - 1;
    for (let h = 0; h < count; h++) {
      if (starts[h + 1]! - starts[h]! > 1) await this.#connectEqual(order.slice(starts[h], starts[h + 1]));
    }
    const isOneGroup = new Uint8Array(count);
    /** The group of all images with a hash; a number of its own if they are in several groups. */
    const groupOf = (h: number): number => {
      const group = this.#groups.of(order[starts[h]!]!);
      for (let k = starts[h]! + 1; isOneGroup[h] === 0 && k < starts[h + 1]!; k++) {
        if (this.#groups.of(order[k]!) !== group) return -1 - h;
      }
      isOneGroup[h] = 1;
      return group;
    };
    const first = (words: Int32Array): Int32Array => starts.subarray(0, count).map((k) => words[order[k]!]!);
    await findNearHashes({
      high: first(this.#high),
      low: first(this.#low),
      groupOf,
      onPairs: async (pairs) => {
        for (let p = 0; p < pairs.length; p += 2) {
          const [g, h] = [pairs[p]!, pairs[p + 1]!];
          for (let k = starts[g]!; k < starts[g + 1]! && groupOf(g) !== groupOf(h); k++) {
            for (let l = starts[h]!; l < starts[h + 1]!; l++) this.#connectSimilar(order[k]!, order[l]!);
            if (this.#turns.due) await this.#turns.next();
          }
        }
      },
      turns: this.#turns,
      onProgress,
    });
  }

  /** Joins images with equal hashes: each is compared only with those that nothing has reached yet. */
  async #connectEqual(images: Int32Array): Promise<void> {
    let left = images.length;
    while (left > 0) {
      const reached = [images[--left]!];
      for (const i of reached) {
        let kept = 0;
        for (let k = 0; k < left; k++) {
          const j = images[k]!;
          if (this.#connectSimilar(i, j)) reached.push(j);
          else images[kept++] = j;
        }
        left = kept;
        if (this.#turns.due) await this.#turns.next();
      }
    }
  }

  /** Joins two images of near hashes if their miniatures are similar. Returns whether that joined two groups. */
  #connectSimilar(i: number, j: number): boolean {
    if (this.#groups.of(i) === this.#groups.of(j) || !this.#isSimilar(i, j)) return false;
    this.#groups.join(i, j);
    this.#links.push(i, j);
    return true;
  }

  #isSimilar(i: number, j: number): boolean {
    const [a, b] = [this.#images[i]!.miniature, this.#images[j]!.miniature];
    // The mean difference is at most the root mean square difference.
    if (Math.abs(this.#sums[i]! - this.#sums[j]!) > MAX_DIFFERENCE * a.length) return false;
    const limit = MAX_DIFFERENCE ** 2 * a.length;
    let sum = 0;
    for (let k = 0; k < a.length && sum <= limit; k++) sum += (a[k]! - b[k]!) ** 2;
    return sum <= limit;
  }

  /** The pairs of the groups that `connect` has joined. */
  list(): Duplicates {
    const images = this.#images;
    const groups = this.#groups.ofSeveral().sort((a, b) => a.length - b.length);
    let possible = 0;
    const small = groups.filter(({ length }) => {
      possible += (length * (length - 1)) / 2;
      return possible <= MAX_PAIRS;
    });
    const large = groups.slice(small.length);
    /** Pairs of indices i < j as i * N + j: sorted, they are in the order of the images. */
    const keys: number[] = [];
    for (const members of small) {
      for (const [k, i] of members.entries()) {
        for (const j of members.slice(k + 1)) if (this.#isNear(i, j)) keys.push(i * images.length + j);
      }
    }
    const isLarge = new Set(large.map(([group]) => group));
    for (let p = 0; p < this.#links.length; p += 2) {
      const [i, j] = [this.#links[p]!, this.#links[p + 1]!];
      if (isLarge.has(this.#groups.of(i))) keys.push(Math.min(i, j) * images.length + Math.max(i, j));
    }
    const pairs = Array.from(Float64Array.from(keys).sort(), (key) => {
      const [a, b] = [images[Math.floor(key / images.length)]!, images[key % images.length]!];
      return { a: a.file, b: b.file, exact: a.sha256 === b.sha256 };
    });
    return { pairs, largeGroups: large.map(({ length }) => length) };
  }

  #isNear(i: number, j: number): boolean {
    const bits = bitCount(this.#high[i]! ^ this.#high[j]!) + bitCount(this.#low[i]! ^ this.#low[j]!);
    return bits <= MAX_BITS && this.#isSimilar(i, j);
  }
}

/**
 * Numbers the files so that files connected by pairs or by a common group share a number, for splits that keep them
 * together.
 * @param groups [N] the group of each file, undefined for none
 * @returns [N] a number for each file
 */
export function groupDuplicates(
  files: readonly string[],
  pairs: readonly DuplicatePair[],
  groups: readonly (string | undefined)[] = [],
): Int32Array {
  const joined = new Groups(files.length);
  const firstIndex = new Map<string, number>();
  for (const [i, file] of files.entries()) {
    const first = firstIndex.get(file);
    if (first === undefined) firstIndex.set(file, i);
    else joined.join(first, i);
  }
  for (const { a, b } of pairs) {
    const [i, j] = [firstIndex.get(a), firstIndex.get(b)];
    if (i !== undefined && j !== undefined) joined.join(i, j);
  }
  const firstOfGroup = new Map<string, number>();
  for (const [i, group] of groups.entries()) {
    if (group === undefined) continue;
    const first = firstOfGroup.get(group);
    if (first === undefined) firstOfGroup.set(group, i);
    else joined.join(first, i);
  }
  return joined.all();
}
