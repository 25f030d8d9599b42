// Compared with scipy, by the definition: tools/golden_noise.py.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { liveTensors, scope, tensor } from '@evenhand/torch';
import { fitPlda, gaussianFeatures } from './plda.js';

type Matrix = readonly (readonly number[])[];

const golden: Record<'x' | 'memberships' | 'rows' | 'scores', Matrix> = JSON.parse(
  readFileSync(new URL('../../golden/noise/plda.json', import.meta.url), 'utf8'),
);

const matrix = (rows: Matrix) => tensor(Float64Array.from(rows.flat()), [rows.length, rows[0]!.length]);

describe('probabilistic linear discriminant analysis', () => {
  test('gives the densities of the definition', () => {
    const before = liveTensors();
    scope(() => {
      const plda = fitPlda(matrix(golden.x), matrix(golden.memberships));
      const scores = plda.score(matrix(golden.rows));
      for (const [i, expected] of golden.scores.flat().entries()) {
        assert.ok(Math.abs(scores[i]! - expected) < 1e-9, `${i}: ${scores[i]} is not ${expected}`);
      }
      plda.dispose();
    });
    assert.equal(liveTensors(), before);
  });

  test('gives finite densities for a class without images', () => {
    scope(() => {
      const memberships = golden.memberships.map((row) => [...row, 0]);
      const plda = fitPlda(matrix(golden.x), matrix(memberships));
      const scores = plda.score(matrix(golden.rows));
      assert.ok(scores.every(Number.isFinite));
      plda.dispose();
    });
  });

  test('gives finite densities if all images are identical', () => {
    scope(() => {
      const plda = fitPlda(tensor(new Float64Array(12), [6, 2]), matrix(golden.memberships.slice(0, 6)));
      assert.ok(plda.score(tensor(new Float64Array(4), [2, 2])).every(Number.isFinite));
      plda.dispose();
    });
  });
});

describe('features for Gaussians', () => {
  test('have as many dimensions as images allow, are centred, and do not depend on scale', () => {
    scope(() => {
      const raw = Float32Array.from({ length: 60 }, (_, i) => Math.sin(i * 7.3) + (i % 5));
      const one = gaussianFeatures(tensor(raw, [6, 10]));
      assert.deepEqual(one.shape, [6, 5]);
      const values = one.toArray() as Float64Array;
      for (let d = 0; d < 5; d++) {
        let sum = 0;
        for (let i = 0; i < 6; i++) sum += values[i * 5 + d]!;
        assert.ok(Math.abs(sum) < 1e-9);
      }
      const scaled = gaussianFeatures(
        tensor(
          raw.map((x) => 9 * x),
          [6, 10],
        ),
      ).toArray();
      for (const [i, value] of values.entries())
        assert.ok(Math.abs(Math.abs(value) - Math.abs(scaled[i] as number)) < 1e-6);
      one.dispose();
    });
  });
});
