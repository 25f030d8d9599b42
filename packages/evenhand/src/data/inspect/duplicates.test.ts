import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Random } from '../../random.js';
import { type DuplicatePair, findDuplicates, groupDuplicates } from './duplicates.js';
import { bitCount } from './perceptual-hash.js';
import type { ImageFacts } from './scan.js';

type MadeUp = Pick<ImageFacts, 'file' | 'sha256' | 'hash' | 'miniature'>;
const find = (images: readonly MadeUp[]) => findDuplicates(images as ImageFacts[]);

function madeUp(i: number, random: Random): MadeUp {
  const miniature = Uint8Array.from({ length: 192 }, () => random.int(256));
  return { file: `${i}.jpg`, sha256: String(i), hash: [random.uint32(), random.uint32()], miniature };
}

/** `image` with some bits of its hash changed, and its miniature by `difference` on average. */
function changed(image: MadeUp, i: number, bits: number, difference: number, random: Random): MadeUp {
  const hash: [number, number] = [...image.hash];
  for (const bit of random.permutation(64).subarray(0, bits)) {
    hash[bit >> 5] = (hash[bit >> 5]! ^ (1 << (bit & 31))) >>> 0;
  }
  const miniature = image.miniature.map((value) => value + (value < 128 ? difference : -difference));
  return { file: `${i}.jpg`, sha256: difference === 0 ? image.sha256 : String(i), hash, miniature };
}

/** By comparing each of the first `count` images with all after it. */
function allPairs(images: readonly MadeUp[], count = images.length): DuplicatePair[] {
  const pairs: DuplicatePair[] = [];
  for (const [i, a] of images.slice(0, count).entries()) {
    for (const b of images.slice(i + 1)) {
      if (bitCount(a.hash[0] ^ b.hash[0]) + bitCount(a.hash[1] ^ b.hash[1]) > 12) continue;
      const squares = a.miniature.reduce((sum, value, k) => sum + (value - b.miniature[k]!) ** 2, 0);
      if (Math.sqrt(squares / 192) <= 30) pairs.push({ a: a.file, b: b.file, exact: a.sha256 === b.sha256 });
    }
  }
  return pairs;
}

describe('findDuplicates', () => {
  it('finds the pairs that comparing all images finds, in their order', async () => {
    for (let seed = 0; seed < 3; seed++) {
      const random = new Random(seed);
      const images = Array.from({ length: 120 }, (_, i) => madeUp(i, random));
      // Chains of images that differ by up to 16 bits and by 20 to 40 in their miniatures, at the limits of both.
      while (images.length < 400) {
        const i = images.length;
        const bits = [0, 1, 4, 8, 11, 12, 13, 16][random.int(8)]!;
        images.push(changed(images[random.int(i)]!, i, bits, [0, 20, 30, 31, 40][random.int(5)]!, random));
      }
      const order = [...random.permutation(images.length)].map((i) => images[i]!);
      const { pairs, largeGroups } = await find(order);
      assert.ok(pairs.length > 100, `${pairs.length} pairs`);
      assert.deepEqual(pairs, allPairs(order));
      assert.deepEqual(largeGroups, []);
    }
  });

  it('finds planted neighbours among 20,000 images, wherever the bits differ', async () => {
    const random = new Random(7);
    const { miniature } = madeUp(0, random);
    const images = Array.from({ length: 20_000 }, (_, i): MadeUp => {
      return { file: `${i}.jpg`, sha256: String(i), hash: [random.uint32(), random.uint32()], miniature };
    });
    for (let i = 0; i < 200; i++) images[10_000 + i] = changed(images[i]!, 10_000 + i, 11 + (i % 3), 10, random);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const { pairs } = await find(images);
    clearInterval(timer);
    assert.ok(turns > 0, 'it gives way to the event loop, so that it can be interrupted');
    const sample = images.slice(0, 150);
    const expected = allPairs(images, sample.length);
    assert.ok(expected.length >= 100, 'those with 11 and 12 bits, and not those with 13');
    const isOfSample = new Set(sample.map(({ file }) => file));
    assert.deepEqual(pairs.filter(({ a }) => isOfSample.has(a)), expected); // biome-ignore format: one line
  });

  it('connects a group whose pairs are too many to list, and lists all pairs of the others', async () => {
    const random = new Random(3);
    const first = madeUp(0, random);
    const alike = Array.from({ length: 3000 }, (_, i) => changed(first, i, random.int(7), random.int(10) + 1, random));
    const others = Array.from({ length: 4 }, (_, i) => changed(madeUp(0, new Random(9)), 3000 + i, 3, 1, random));
    const images = [...others.slice(0, 2), ...alike, ...others.slice(2)];
    const { pairs, largeGroups } = await find(images);
    assert.deepEqual(largeGroups, [3000]);
    assert.equal(pairs.length, 2999 + 6);
    const groups = groupDuplicates(
      images.map(({ file }) => file),
      pairs,
    );
    assert.deepEqual(
      [...groups],
      images.map(({ file }) => (Number.parseInt(file, 10) < 3000 ? 2 : 0)),
    );
  });
});
