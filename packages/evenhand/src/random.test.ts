import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { philox4x32, Random } from './random.js';

const draw = (random: Random, n: number): number[] => Array.from({ length: n }, () => random.uint32());

describe('Random', () => {
  it('gives the known answers of Random123 (kat_vectors, philox 4x32 10)', () => {
    const f = 0xffffffff;
    const vectors: [number[], number[]][] = [
      [
        [0, 0, 0, 0, 0, 0],
        [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
      ],
      [
        [f, f, f, f, f, f],
        [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
      ],
      [
        [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0],
        [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
      ],
    ];
    for (const [[c0, c1, c2, c3, k0, k1], expected] of vectors) {
      const out = new Uint32Array(4);
      philox4x32(out, c0!, c1!, c2!, c3!, k0!, k1!);
      assert.deepEqual([...out], expected);
    }
    // The class itself: with no stream the key is the seed and the counter starts at 0.
    assert.deepEqual(draw(new Random(0), 4), vectors[0]![1]);
  });

  it('is a pure function of seed and stream, and differs when any of them does', () => {
    assert.deepEqual(draw(new Random(7, 3, 41), 20), draw(new Random(7, 3, 41), 20));
    const firsts = [[7], [7, 0], [7, 0, 0], [7, 3, 41], [7, 41, 3], [8, 3, 41], [7 + 2 ** 32, 3, 41], [-7, 3, 41]].map(
      ([seed, ...stream]) => draw(new Random(seed!, ...stream), 2).join(),
    );
    assert.equal(new Set(firsts).size, firsts.length);
  });

  it('never changes: numbers that were once drawn, since runs must be repeatable by later versions', () => {
    assert.deepEqual(draw(new Random(1, 2, 3), 3), [385584599, 2993596283, 389717611]);
  });

  it('refuses seeds and ranges that would silently lose bits', () => {
    assert.throws(() => new Random(0.5), /seed must be a safe integer, got 0.5/);
    assert.throws(() => new Random(1, 2 ** 53), /stream number 0/);
    for (const n of [0, -1, 1.5, 2 ** 32 + 1]) assert.throws(() => new Random(1).int(n), RangeError);
    assert.throws(() => new Random(1).beta(0, 1), /must be positive/);
  });

  it('draws uniform numbers in [0, 1) with the right mean and variance', () => {
    const random = new Random(11);
    const x = Array.from({ length: 100_000 }, () => random.uniform());
    assert.ok(x.every((v) => v >= 0 && v < 1));
    const [mean, variance] = moments(x);
    assert.ok(Math.abs(mean - 0.5) < 0.004, `${mean}`);
    assert.ok(Math.abs(variance - 1 / 12) < 0.001, `${variance}`);
  });

  it('draws integers that are equally frequent, also for an n that does not divide 2^32', () => {
    const random = new Random(12);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) counts[random.int(7)]!++;
    const chiSquare = counts.reduce((sum, c) => sum + (c - 10_000) ** 2 / 10_000, 0);
    assert.ok(chiSquare < 22.5, `chi-square ${chiSquare} with 6 degrees of freedom`);
    // Two thirds of 2^32: taking the remainder without rejection would make the first half twice as likely.
    const n = 2863311530;
    let low = 0;
    for (let i = 0; i < 20_000; i++) if (random.int(n) < n / 2) low++;
    assert.ok(Math.abs(low - 10_000) < 400, `${low}`);
    assert.ok(random.int(2 ** 32) < 2 ** 32);
    assert.equal(random.int(1), 0);
  });

  it('draws normal and beta numbers with the right moments', () => {
    const random = new Random(13);
    const [mean, variance] = moments(Array.from({ length: 100_000 }, () => random.normal()));
    assert.ok(Math.abs(mean) < 0.015 && Math.abs(variance - 1) < 0.03, `${mean} ${variance}`);
    for (const [a, b] of [
      [0.4, 0.4],
      [1, 1],
      [2, 5],
      [0.01, 0.02],
    ] as const) {
      const x = Array.from({ length: 50_000 }, () => random.beta(a, b));
      assert.ok(x.every((v) => v >= 0 && v <= 1));
      const [m, v] = moments(x);
      assert.ok(Math.abs(m - a / (a + b)) < 0.01, `mean of Beta(${a}, ${b}): ${m}`);
      const expected = (a * b) / ((a + b) ** 2 * (a + b + 1));
      assert.ok(Math.abs(v - expected) < 0.01 * Math.max(expected, 0.5), `variance of Beta(${a}, ${b}): ${v}`);
    }
  });

  it('permutes: every number once, every order equally likely', () => {
    assert.deepEqual([...new Random(1).permutation(0)], []);
    assert.deepEqual(
      [...new Random(3, 1).permutation(1000)].sort((a, b) => a - b),
      Array.from({ length: 1000 }, (_, i) => i),
    );
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const key = new Random(5, i).permutation(4).join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    assert.equal(counts.size, 24);
    const chiSquare = [...counts.values()].reduce((sum, c) => sum + (c - 1000) ** 2 / 1000, 0);
    assert.ok(chiSquare < 49.7, `chi-square ${chiSquare} with 23 degrees of freedom`);
  });
});

function moments(x: number[]): [mean: number, variance: number] {
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  return [mean, x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length];
}
