import type { Turns } from '../turns.js';
import { bitCount } from './perceptual-hash.js';

/** Hashes are near each other up to this many differing bits. */
export const MAX_BITS = 12;

/** Comparisons after which the clock is read. */
const SLICE = 1 << 20;

export interface HashSearch {
  /** [N] the upper and lower 32 bits of the hashes, all different. */
  readonly high: Int32Array;
  readonly low: Int32Array;
  /** The group of a hash. Groups may be joined during the search; hashes of one group need not be compared any more. */
  groupOf(index: number): number;
  /** Called with pairs of near hashes of different groups as [i, j, i, j, ...]. A pair may come several times. */
  onPairs(pairs: readonly number[]): Promise<void>;
  readonly turns: Turns;
  /** Called with the share of the work that is done, from 0 to 1. */
  onProgress(share: number): void;
}

/**
 * Finds hashes that differ in at most 12 bits, a million random ones in 5 * 10^9 comparisons instead of 5 * 10^11.
 *
 * A hash is cut into four chunks of 16 bits. If none of the chunks differs in at most 2 bits, all four differ in exactly 3,
 * and so does the parity of each. Hence hashes are sorted into buckets five times: by each of the chunks, where buckets are
 * compared whose values differ in at most 2 bits; and by one chunk with the parities of the others, where buckets are
 * compared whose values differ in 3 bits and in all parities.
 * Multi-index hashing: Norouzi, Punjani and Fleet, CVPR 2012. The parities are ours.
 */
export async function findNearHashes(search: HashSearch): Promise<void> {
  const { high, low, onPairs, turns } = search;
  const two = words16().filter((word) => bitCount(word) <= 2);
  const three = words16().filter((word) => bitCount(word) === 3);
  const phases = [
    ...CHUNKS.map((chunk) => ({ keys: chunk(high, low), bits: 16, masks: two })),
    { keys: lastChunkWithParities(high, low), bits: 19, masks: three.map((mask) => (mask << 3) | 7) },
  ];
  for (const [phase, { keys, bits, masks }] of phases.entries()) {
    await turns.next();
    const buckets = bucketsOf(search, keys, bits);
    const comparison = new BucketComparison(buckets, masks, search.groupOf);
    while (comparison.advance()) {
      if (comparison.found.length > 0) await onPairs(comparison.found);
      if (!turns.due) continue;
      search.onProgress((phase + comparison.progress) / phases.length);
      await turns.next();
    }
  }
  search.onProgress(1);
}

const words16 = (): Int32Array => Int32Array.from({ length: 1 << 16 }, (_, word) => word);

/** The four chunks of each hash. */
const CHUNKS: readonly ((high: Int32Array, low: Int32Array) => Int32Array)[] = [
  (high) => high.map((word) => word >>> 16),
  (high) => high.map((word) => word & 0xffff),
  (_, low) => low.map((word) => word >>> 16),
  (_, low) => low.map((word) => word & 0xffff),
];

/** The last chunk of each hash, and the parities of the number of one bits in the others. */
function lastChunkWithParities(high: Int32Array, low: Int32Array): Int32Array {
  const parity = (word: number): number => bitCount(word) & 1;
  return high.map((word, i) => {
    const parities = parity(word >>> 16) | (parity(word & 0xffff) << 1) | (parity(low[i]! >>> 16) << 2);
    return ((low[i]! & 0xffff) << 3) | parities;
  });
}

/** Hashes sorted by a key. */
interface Buckets {
  /** [number of keys + 1] where the hashes with each key begin. */
  readonly starts: Int32Array;
  /** The keys of at least one hash, in ascending order. */
  readonly present: Int32Array;
  /** [N] indices of the hashes. */
  readonly order: Int32Array;
  /** [N] the hashes in this order. */
  readonly high: Int32Array;
  readonly low: Int32Array;
}

function bucketsOf({ high, low }: HashSearch, keys: Int32Array, bits: number): Buckets {
  const { starts, order } = sortByKey(
    keys.map((_, i) => i),
    keys,
    bits,
  );
  const present = starts.map((_, key) => key).filter((key) => starts[key + 1]! > starts[key]!);
  return { starts, present, order, high: order.map((i) => high[i]!), low: order.map((i) => low[i]!) };
}

/** Sorts indices stably by their keys of so many bits. */
function sortByKey(indices: Int32Array, keys: Int32Array, bits: number): { starts: Int32Array; order: Int32Array } {
  const starts = new Int32Array((1 << bits) + 1);
  for (let i = 0; i < keys.length; i++) starts[keys[i]! + 1]!++;
  for (let key = 0; key < 1 << bits; key++) starts[key + 1]! += starts[key]!;
  const next = starts.slice();
  const order = new Int32Array(indices.length);
  for (let k = 0; k < order.length; k++) order[next[keys[indices[k]!]!]!++] = indices[k]!;
  return { starts, order };
}

/** The indices [N] of hashes in an order in which equal hashes are neighbours, and where each different hash begins. */
export function sortByHash(high: Int32Array, low: Int32Array): { starts: Int32Array; order: Int32Array } {
  let order: Int32Array = high.map((_, i) => i);
  for (const chunk of CHUNKS) ({ order } = sortByKey(order, chunk(high, low), 16));
  const isFirst = (k: number): boolean => {
    const [i, before] = [order[k]!, order[k - 1]!];
    return k === 0 || k === order.length || high[i] !== high[before] || low[i] !== low[before];
  };
  return { order, starts: Int32Array.from({ length: order.length + 1 }, (_, k) => k).filter(isFirst) };
}

/** The comparison of all buckets whose keys differ by one of the masks, in steps. */
class BucketComparison {
  /** The pairs that the last step found. */
  found: number[] = [];
  readonly #buckets: Buckets;
  readonly #masks: Int32Array;
  readonly #groupOf: (index: number) => number;
  /** The next mask, the next of the present keys for it, and the next row of its bucket. */
  #mask = 0;
  #next = 0;
  #row = 0;

  constructor(buckets: Buckets, masks: Int32Array, groupOf: (index: number) => number) {
    this.#buckets = buckets;
    this.#masks = masks;
    this.#groupOf = groupOf;
  }

  /** The share of the masks that are done. */
  get progress(): number {
    return this.#mask / this.#masks.length;
  }

  /** Compares about a million pairs of hashes. Returns false if there was nothing left to compare. */
  advance(): boolean {
    this.found = [];
    const { starts, present } = this.#buckets;
    let work = 0;
    // For one mask after the other, the first of which is 0: both buckets of a pair then move through memory in order, and
    // after the first mask whole buckets are often one group, which saves comparing them with others.
    for (; this.#mask < this.#masks.length; this.#mask++) {
      const mask = this.#masks[this.#mask]!;
      while (this.#next < present.length) {
        const x = present[this.#next]!;
        const y = x ^ mask;
        // Each pair of buckets once: at the key that has a zero for the lowest bit of the mask.
        if ((x & mask & -mask) === 0 && starts[y] !== starts[y + 1]) work += this.#compare(x, y, SLICE);
        else work++;
        if (this.#row === 0) this.#next++;
        if (work >= SLICE) return true;
      }
      this.#next = 0;
    }
    return work > 0;
  }

  /** Compares the rest of two buckets, or as many rows of the first as `limit` comparisons permit. Returns their number. */
  #compare(x: number, y: number, limit: number): number {
    const { starts } = this.#buckets;
    const [from, end] = [starts[x]! + this.#row, starts[x + 1]!];
    const size = starts[y + 1]! - starts[y]!;
    this.#row = 0;
    // Worth a look only where it may save many comparisons.
    if ((end - from) * size > 1000 && this.#isOneGroup(x, y)) return end - from + size;
    const last = Math.min(end, from + Math.ceil(limit / size));
    compareRows(this.#buckets, from, last, starts[y]!, starts[y + 1]!, this.#groupOf, this.found);
    if (last < end) this.#row = last - starts[x]!;
    return (last - from) * size + 1;
  }

  #isOneGroup(x: number, y: number): boolean {
    const { starts, order } = this.#buckets;
    const group = this.#groupOf(order[starts[x]!]!);
    for (let k = starts[y]!; k < starts[y + 1]!; k++) if (this.#groupOf(order[k]!) !== group) return false;
    for (let k = starts[x]!; k < starts[x + 1]!; k++) if (this.#groupOf(order[k]!) !== group) return false;
    return true;
  }
}

/** Appends the pairs of near hashes between rows of one bucket and another bucket, or the later rows of the same. */
function compareRows(
  { order, high, low }: Buckets,
  from: number,
  end: number,
  otherFrom: number,
  otherEnd: number,
  groupOf: (index: number) => number,
  found: number[],
): void {
  const isOneBucket = otherFrom <= from && from < otherEnd;
  for (let i = from; i < end; i++) {
    const highWord = high[i]!;
    const lowWord = low[i]!;
    for (let j = isOneBucket ? i + 1 : otherFrom; j < otherEnd; j++) {
      // `bitCount` of both words at once.
      let a = highWord ^ high[j]!;
      let b = lowWord ^ low[j]!;
      a = (a - ((a >>> 1) & 0x55555555)) | 0;
      b = (b - ((b >>> 1) & 0x55555555)) | 0;
      a = (a & 0x33333333) + ((a >>> 2) & 0x33333333);
      b = (b & 0x33333333) + ((b >>> 2) & 0x33333333);
      const nibbles = (a + b) | 0;
      const bytes = (nibbles & 0x0f0f0f0f) + ((nibbles >>> 4) & 0x0f0f0f0f);
      if (Math.imul(bytes, 0x01010101) >>> 24 > MAX_BITS) continue;
      const [first, second] = [order[i]!, order[j]!];
      if (groupOf(first) !== groupOf(second)) found.push(first, second);
    }
  }
}
