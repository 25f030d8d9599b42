import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../random.js';
import { sharpenLabels } from './sharpen.js';

const [N, K] = [300, 5];
const random = new Random(7);
const truth = Int32Array.from({ length: N }, () => random.int(K));
const given = truth.map((label) => (random.uniform() < 0.3 ? (label + 1 + random.int(K - 1)) % K : label));
const isWrong = Array.from(given, (label, i) => label !== truth[i]);

/** Scores that are right with this margin, and as noisy as others. */
const scoresOf = (margin: number) =>
  Float64Array.from(
    { length: N * K },
    (_, at) => random.normal() + (at % K === truth[Math.floor(at / K)] ? margin : 0),
  );

/** What an image says of its class, and its label: with 30 % errors. */
const first = Float64Array.from({ length: N * K });
for (const [i, label] of given.entries()) {
  const image = Float64Array.from({ length: K }, (_, k) => Math.exp(random.normal() + (k === truth[i] ? 2 : 0)));
  const row = image.map((p, k) => p * (k === label ? 0.7 : 0.3 / (K - 1)));
  const sum = row.reduce((a, b) => a + b);
  first.set(
    row.map((p) => p / sum),
    i * K,
  );
}

/** The part of the pairs of a wrong and a right label in which the wrong one is thought more probably wrong. */
function areaUnderCurve(wrong: ArrayLike<number>): number {
  let [better, pairs] = [0, 0];
  for (let i = 0; i < N; i++) {
    for (let j = 0; isWrong[i] && j < N; j++) {
      if (isWrong[j]) continue;
      pairs++;
      better += wrong[i]! > wrong[j]! ? 1 : 0;
    }
  }
  return better / pairs;
}

const wrongOf = (posterior: Float64Array) => Array.from(given, (label, i) => 1 - posterior[i * K + label]!);

describe('a second judgement by scores', () => {
  test('finds label errors better if the scores know the classes', () => {
    const { wrong } = sharpenLabels({ first, scores: scoresOf(3), given, numClasses: K, seed: 1 });
    const [before, after] = [areaUnderCurve(wrongOf(first)), areaUnderCurve(wrong)];
    assert.ok(after > before + 0.02, `${before} and ${after}`);
  });

  test('changes little if they know nothing', () => {
    const { wrong } = sharpenLabels({ first, scores: scoresOf(0), given, numClasses: K, seed: 1 });
    const [before, after] = [areaUnderCurve(wrongOf(first)), areaUnderCurve(wrong)];
    assert.ok(after > before - 0.01, `${before} and ${after}`);
  });

  test('does not doubt confirmed labels', () => {
    const confirmed = isWrong.map((each) => (each ? 1 : 0));
    const { wrong } = sharpenLabels({ first, scores: scoresOf(3), given, numClasses: K, seed: 1, confirmed });
    assert.ok(wrong.every((w, i) => !isWrong[i] || w === 0));
  });

  test('refuses numbers that do not fit', () => {
    assert.throws(
      () => sharpenLabels({ first, scores: first.subarray(1), given, numClasses: K, seed: 1 }),
      /1499 scores and 1500 probabilities are not rows of 5 for 300 labels/,
    );
  });
});
