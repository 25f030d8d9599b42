import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DecisionRule, decide, MOST_PROBABLE, topIndices } from './decide.js';

const near = (actual: ArrayLike<number>, expected: readonly number[]): void => {
  assert.equal(actual.length, expected.length);
  for (const [i, x] of expected.entries()) assert.ok(Math.abs(actual[i]! - x) < 1e-12, `${i}: ${actual[i]}, not ${x}`);
};

test('without a rule the prediction is the most probable class', () => {
  const { index, probabilities, scores } = decide([Math.log(1), Math.log(5), Math.log(2)], MOST_PROBABLE);
  assert.equal(index, 1);
  near(probabilities, [1 / 8, 5 / 8, 2 / 8]);
  near(scores, [1 / 8, 5 / 8, 2 / 8]);
});

test('the temperature divides the logits', () => {
  const { probabilities } = decide([Math.log(1), Math.log(4), Math.log(16)], { ...MOST_PROBABLE, temperature: 2 });
  near(probabilities, [1 / 7, 2 / 7, 4 / 7]);
});

test('scale and offset choose the class and do not change the probabilities', () => {
  const logits = [Math.log(6), Math.log(3), Math.log(1)];
  const rules: [rule: Omit<DecisionRule, 'temperature'>, index: number, scores: number[]][] = [
    [{ scale: [1, 3, 1], offset: null }, 1, [0.6, 0.9, 0.1]],
    [{ scale: null, offset: [0, 0, 0.75] }, 2, [0.6, 0.3, 0.85]],
    [{ scale: [2, 1, 9], offset: [-1, 0.7, 0] }, 1, [0.2, 1, 0.9]],
  ];
  for (const [rule, index, scores] of rules) {
    const decision = decide(logits, { temperature: 1, ...rule });
    assert.equal(decision.index, index);
    near(decision.scores, scores);
    near(decision.probabilities, [0.6, 0.3, 0.1]);
  }
});

test('among equal scores the lowest class index wins', () => {
  assert.equal(decide([0, 2, 2], MOST_PROBABLE).index, 1);
  assert.deepEqual(topIndices(Float64Array.of(1, 3, 3, 2, 3), 4), [1, 2, 4, 3]);
});

test('very large and very small logits do not overflow', () => {
  near(decide([1e4, 1e4 + Math.log(3), -1e4], MOST_PROBABLE).probabilities, [0.25, 0.75, 0]);
  near(decide(Float32Array.of(-1e30), MOST_PROBABLE).probabilities, [1]);
});

test('the top k are at most all classes', () => {
  assert.deepEqual(topIndices(Float64Array.of(0.2, 0.5, 0.3), 9), [1, 2, 0]);
  assert.deepEqual(topIndices(Float64Array.of(0.2, 0.5, 0.3), 1), [1]);
});

test('a logit that is not finite is refused by its index', () => {
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    assert.throws(() => decide([0, wrong], MOST_PROBABLE), {
      name: 'RangeError',
      message: `Logit 1 is ${wrong}: expected a finite number.`,
    });
  }
});
