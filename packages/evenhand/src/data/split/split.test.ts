import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Random } from '../../random.js';
import { DataError } from '../errors.js';
import { type Split, splitFold, splitFraction } from './split.js';

/** Class c has (c + 1)^2 samples, in mixed order. */
const labels = [...new Random(1).permutation(285)].map((i) => {
  let c = 0;
  for (let end = 1; i >= end; end += (c + 1) ** 2) c++;
  return c;
});
const countsOf = (indices: Int32Array): number[] => {
  const counts = new Array<number>(9).fill(0);
  for (const i of indices) counts[labels[i]!]!++;
  return counts;
};

function assertParts({ train, val }: Split): void {
  assert.deepEqual([...train, ...val].sort((a, b) => a - b), labels.map((_, i) => i)); // biome-ignore format: one line
  assert.deepEqual([...val], [...val].sort((a, b) => a - b)); // biome-ignore format: one line
}

describe('splitFraction', () => {
  it('holds out the fraction of each class, at least one on both sides if there are two', () => {
    const split = splitFraction(labels, 0.15, 3);
    assertParts(split);
    // Of 1, 4, 9, 16, 25, 36, 49, 64 and 81 samples.
    assert.deepEqual(countsOf(split.val), [0, 1, 1, 2, 4, 5, 7, 10, 12]);
  });

  it('is a pure function of the seed', () => {
    assert.deepEqual(splitFraction(labels, 0.2, 3), splitFraction(labels, 0.2, 3));
    assert.notDeepEqual(splitFraction(labels, 0.2, 3), splitFraction(labels, 0.2, 4));
  });

  it('keeps groups together, also groups that span classes', () => {
    const groups = labels.map((_, i) => (i < 120 ? Math.floor(i / 4) : i));
    for (let seed = 0; seed < 10; seed++) {
      const split = splitFraction(labels, 0.2, seed, groups);
      assertParts(split);
      const trained = new Set([...split.train].map((i) => groups[i]!));
      assert.ok([...split.val].every((i) => !trained.has(groups[i]!)));
      const counts = countsOf(split.val);
      assert.deepEqual(
        counts.slice(0, 3),
        [0, 1, 2].map((c, i) => Math.min(c, counts[i]!)),
      );
      assert.ok(Math.abs(split.val.length - 57) <= 6, `${split.val.length} of 285 validate`);
    }
  });

  // Nothing was held out once, and training refused with the advice to give the very fraction that was given.
  it('takes the nearest split if groups are too large or classes have one sample', () => {
    const two = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1];
    const burst = splitFraction(two, 0.1, 3, [0, 0, 0, 1, 1, 2, 2, 3, 3, 3]);
    assert.deepEqual([[...burst.val], burst.relaxed], [[3, 4, 5, 6], true], 'the smaller group of each class');
    const singles = splitFraction([0, 1, 2, 3, 4, 5], 0.4, 3);
    assert.deepEqual([singles.val.length, singles.train.length, singles.relaxed], [2, 4, true]);
    assert.equal(splitFraction([0, 1, 2], 0.1, 3).val.length, 1);
    const one = splitFraction(two, 0.1, 3, two.map(() => 7)); // biome-ignore format: one line
    assert.deepEqual([one.val.length, one.relaxed], [0, undefined], 'a single group cannot be split');
    assert.equal(splitFraction(two, 0.1, 3).relaxed, undefined);
  });

  it('refuses other fractions', () => {
    for (const fraction of [0, 1, -0.1, 15, Number.NaN])
      assert.throws(() => splitFraction(labels, fraction, 1), DataError);
  });
});

describe('splitFold', () => {
  it('assigns each sample to one fold and spreads each class evenly', () => {
    const splits = [0, 1, 2, 3, 4].map((fold) => splitFold(labels, 5, fold, 7));
    for (const split of splits) assertParts(split);
    const validated = splits.flatMap(({ val }) => [...val]).sort((a, b) => a - b);
    assert.deepEqual(validated, labels.map((_, i) => i)); // biome-ignore format: one line
    for (let c = 0; c < 9; c++) {
      const counts = splits.map(({ val }) => countsOf(val)[c]!);
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `class ${c}: ${counts}`);
    }
    const sizes = splits.map(({ val }) => val.length);
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 2, `${sizes}`);
  });

  it('keeps groups together', () => {
    const groups = labels.map((_, i) => (i < 120 ? Math.floor(i / 4) : i));
    for (const fold of [0, 1, 2]) {
      const { train, val } = splitFold(labels, 3, fold, 1, groups);
      const trained = new Set([...train].map((i) => groups[i]!));
      assert.ok([...val].every((i) => !trained.has(groups[i]!)));
      assert.ok(Math.abs(val.length - 95) <= 3, `${val.length} of 285 validate`);
    }
  });

  it('refuses folds that do not exist', () => {
    for (const [folds, fold] of [
      [1, 0],
      [286, 0],
      [5, 5],
      [5, -1],
      [2.5, 0],
    ] as const) {
      assert.throws(() => splitFold(labels, folds, fold, 1), DataError);
    }
  });
});
