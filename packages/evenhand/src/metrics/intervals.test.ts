import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../random.js';
import { DESIGNS, simulateCoverage } from './coverage.test.helper.js';
import {
  type ConfusionMatrix,
  classificationReport,
  confusionMatrix,
  expectedMacroF1IntervalWidth,
  macroF1AnalyticInterval,
  macroF1Difference,
  macroF1Interval,
  posteriorMacroF1,
} from './index.js';
import { errorOf, Scored } from './jackknife.js';

/** 50 images of 37 of 102 classes: the validation set of the competition in which the project began. */
const FEW = [...Array(27).fill(1), ...Array(7).fill(2), ...Array(3).fill(3), ...Array(65).fill(0)] as number[];

const labelsOf = (supports: number[]): Int32Array =>
  Int32Array.from(supports.flatMap((n, label) => Array<number>(n).fill(label)));

/** Predictions that are correct with the given probability, and otherwise any other of `numTargets` classes. */
function predict(truth: Int32Array, numTargets: number, recall: number, random: Random): Int32Array {
  return truth.map((t) => (random.uniform() < recall ? t : (t + 1 + random.int(numTargets - 1)) % numTargets));
}

function score(truth: Int32Array, predicted: Int32Array, k: number): number {
  return classificationReport(confusionMatrix(truth, predicted, k)).macroF1;
}

/** Standard deviation of Macro F1 over new images, with fixed or multinomial supports. */
function simulatedDeviation(supports: number[], recall: number, fixedSupports: boolean, random: Random): number {
  const given = labelsOf(supports);
  let [sum, squares] = [0, 0];
  const rounds = 2000;
  for (let round = 0; round < rounds; round++) {
    const truth = fixedSupports ? given : given.map(() => given[random.int(given.length)]!);
    const macroF1 = score(truth, predict(truth, supports.length, recall, random), supports.length);
    sum += macroF1;
    squares += macroF1 * macroF1;
  }
  return Math.sqrt(squares / rounds - (sum / rounds) ** 2);
}

test('the analytic interval matches the delta method with numerical derivatives', () => {
  // Of a multinomial sample the variance of f(p) is (sum p f'^2 - (sum p f')^2) / n; here f' by central differences.
  const random = new Random(1);
  const k = 4;
  const counts = Float64Array.from({ length: k * k }, (_, i) => 1 + random.int(i % (k + 1) === 0 ? 40 : 6));
  const n = counts.reduce((sum, c) => sum + c, 0);
  const macroF1 = (cells: Float64Array): number => classificationReport({ numClasses: k, counts: cells }).macroF1;
  let [mean, square] = [0, 0];
  for (const [cell, count] of counts.entries()) {
    const moved = (by: number): number => macroF1(counts.with(cell, count + by));
    const slope = ((moved(1e-4) - moved(-1e-4)) / 2e-4) * n;
    mean += (count / n) * slope;
    square += (count / n) * slope * slope;
  }
  const half = 1.959963984540054 * Math.sqrt((square - mean * mean) / n);
  const matrix: ConfusionMatrix = { numClasses: k, counts };
  const { value, low, high } = macroF1AnalyticInterval(matrix, { average: 'all' });
  assert.equal(value, macroF1(counts));
  assert.ok(Math.abs(high - value - half) < 1e-7, `${high - value}, expected ${half}`);
  assert.ok(Math.abs(value - low - half) < 1e-7);
});

test('the analytic interval agrees with simulation and with the bootstrap for large supports', () => {
  const supports = [60, 40, 120, 80, 50];
  const random = new Random(2);
  const truth = labelsOf(supports);
  const predicted = predict(truth, 5, 0.8, random);
  const analytic = macroF1AnalyticInterval(confusionMatrix(truth, predicted, 5), { average: 'all' });
  const simulated = 2 * 1.96 * simulatedDeviation(supports, 0.8, false, random);
  const relative = (analytic.high - analytic.low) / simulated;
  assert.ok(relative > 0.85 && relative < 1.15, `analytic width is ${relative} of the simulated one`);
  const bootstrap = macroF1Interval(truth, predicted, 5, { average: 'all' });
  assert.ok(Math.abs(bootstrap.low - analytic.low) < 0.01, `${bootstrap.low} against ${analytic.low}`);
  assert.ok(Math.abs(bootstrap.high - analytic.high) < 0.01, `${bootstrap.high} against ${analytic.high}`);
});

test('the expected width matches simulated scores: closely with ten images per class, roughly with one', () => {
  const random = new Random(3);
  const fewPresent = FEW.filter((n) => n > 0);
  for (const [supports, recall, tolerance] of [
    [Array<number>(20).fill(10), 0.8, 0.1],
    [Array<number>(20).fill(10), 0.95, 0.1],
    [[200, 40, 10], 0.7, 0.1],
    [fewPresent, 0.8, 0.2],
  ] as const) {
    const simulated = 2 * 1.96 * simulatedDeviation([...supports], recall, true, random);
    const expected = expectedMacroF1IntervalWidth(supports, { recall });
    assert.ok(Math.abs(expected / simulated - 1) < tolerance, `${expected} against ${simulated}`);
  }
});

test('by the expected width 50 images of 37 classes cannot choose a checkpoint, and 6,000 of 102 can', () => {
  assert.ok(expectedMacroF1IntervalWidth(FEW) > 0.2);
  assert.ok(expectedMacroF1IntervalWidth(Array<number>(102).fill(60)) < 0.03);
  // Classes without images change nothing: the width is that of the mean over the others.
  assert.equal(expectedMacroF1IntervalWidth([10, 0, 10, 0]), expectedMacroF1IntervalWidth([10, 10]));
  assert.ok(expectedMacroF1IntervalWidth([10]) > 0);
});

test('95 of 100 intervals contain the true mean score, and the others lie on either side of it', () => {
  // `npm run bench -- intervals` shows all cells with more samples.
  const total = { held: 0, below: 0, above: 0 };
  let samples = 0;
  for (const [statistic, design, recall, intervals] of [
    ['score', '102 x 5', 'U', 100],
    ['score', '37 of 102 x 1 to 3', 0.25, 100],
    ['score', '30 x 10', 0.8, 100],
    ['difference', '30 x 10', 0.97, 100],
    ['difference', '37 of 102 x 1 to 3', 0.5, 100],
    ['posterior', '37 of 102 x 1 to 3', 0.8, 50],
  ] as const) {
    const { held, below, above } = simulateCoverage(DESIGNS[design]!, recall, statistic, intervals, 3);
    samples += intervals;
    total.held += held;
    total.below += below;
    total.above += above;
    assert.ok(held >= 0.88 * intervals, `${statistic}, ${design}, ${recall}: ${held} of ${intervals}`);
  }
  assert.ok(total.held >= 0.925 * samples && total.held <= 0.98 * samples, JSON.stringify(total));
  assert.ok(total.below <= 0.045 * samples && total.above <= 0.045 * samples, JSON.stringify(total));
});

test('both averages have the same interval except for the number of classes that they divide by', () => {
  const truth = labelsOf(FEW);
  const predicted = predict(truth, FEW.length, 0.8, new Random(5));
  const { macroF1, macroF1Present, numPresent, numClasses } = classificationReport(
    confusionMatrix(truth, predicted, FEW.length),
  );
  const all = macroF1Interval(truth, predicted, FEW.length, { average: 'all' });
  const present = macroF1Interval(truth, predicted, FEW.length, { average: 'present' });
  assert.equal(all.value, macroF1);
  assert.equal(present.value, macroF1Present);
  assert.ok(numPresent < numClasses);
  for (const end of ['low', 'high'] as const) {
    assert.ok(Math.abs((present[end] * numPresent) / numClasses - all[end]) < 1e-12);
  }
  assert.ok(all.low < macroF1 && macroF1 < all.high);
});

test('a perfect score of few images has an interval, and one of many is narrow', () => {
  const few = labelsOf([1, 1, 2]);
  const many = labelsOf([300, 300, 300]);
  const narrow = macroF1Interval(many, many, 3, { average: 'all' });
  const wide = macroF1Interval(few, few, 3, { average: 'all' });
  assert.equal(wide.value, 1);
  assert.ok(wide.low < 0.9, `${wide.low}`);
  assert.ok(narrow.low > 0.99, `${narrow.low}`);
});

test('the jackknife equals leaving out each image and weighting the others of its class', () => {
  const truth = labelsOf([4, 3, 2]);
  const predicted = Int32Array.of(0, 0, 0, 1, 1, 1, 0, 2, 1);
  const n = truth.length;
  // Macro F1 of images with weights, from its definition.
  const weighted = (weights: readonly number[]): number => {
    let sum = 0;
    for (let k = 0; k < 3; k++) {
      const total = (holds: (i: number) => boolean) => weights.reduce((s, w, i) => s + (holds(i) ? w : 0), 0);
      const size = total((i) => truth[i] === k) + total((i) => predicted[i] === k);
      sum += (2 * total((i) => truth[i] === k && predicted[i] === k)) / size;
    }
    return sum;
  };
  let variance = 0;
  for (const [label, size] of [4, 3, 2].entries()) {
    const own = [...truth.keys()].filter((i) => truth[i] === label);
    const sums = own.map((left) =>
      weighted([...truth].map((t, i) => (i === left ? 0 : t === label ? size / (size - 1) : 1))),
    );
    const mean = sums.reduce((a, b) => a + b) / size;
    variance += ((size - 1) / size) * sums.reduce((s, x) => s + (x - mean) ** 2, 0);
  }
  const scored = new Scored(truth, predicted, 3);
  const withPrior = errorOf([scored]).variance;
  const slopes = scored.slopes((6 + 1) / (n + 2));
  const overall = ((6 + 2) / (n + 4)) * (1 - (6 + 2) / (n + 4));
  const prior = [4, 3, 2].reduce((sum, size, k) => sum + size * slopes[k]! ** 2 * overall, 0);
  const expected = (6 / 8) * variance + (2 / 8) * prior;
  assert.ok(Math.abs(withPrior / expected - 1) < 1e-12, `${withPrior}, expected ${expected}`);
});

test('the paired interval finds a small real gain that the two intervals hide', () => {
  const random = new Random(8);
  const truth = labelsOf(Array<number>(10).fill(30));
  const a = predict(truth, 10, 0.8, random);
  // B is A with every sixth of its errors corrected.
  let errors = 0;
  const b = a.map((p, i) => (p !== truth[i] && errors++ % 6 === 0 ? truth[i]! : p));
  const gain = macroF1Difference(truth, a, b, 10, { average: 'all' });
  assert.ok(Math.abs(gain.value - (score(truth, b, 10) - score(truth, a, 10))) < 1e-15);
  assert.ok(gain.low > 0, JSON.stringify(gain));
  const [intervalA, intervalB] = [a, b].map((p) => macroF1Interval(truth, p, 10, { average: 'all' }));
  assert.ok(intervalA!.high > intervalB!.low);
  const loss = macroF1Difference(truth, b, a, 10, { average: 'all' });
  assert.ok(loss.high < 0, JSON.stringify(loss));
});

test('the paired interval finds a gain between equal models about as rarely as it claims', () => {
  const random = new Random(9);
  const truth = labelsOf(Array<number>(12).fill(8));
  let found = 0;
  for (let i = 0; i < 300; i++) {
    const [a, b] = [predict(truth, 12, 0.8, random), predict(truth, 12, 0.8, random)];
    const { low, high } = macroF1Difference(truth, a, b, 12, { average: 'all' });
    if (low > 0 || high < 0) found++;
  }
  assert.ok(found >= 3 && found <= 30, `${found} of 300, expected about 15`);
  const same = predict(truth, 12, 0.8, random);
  const none = macroF1Difference(truth, same, same, 12, { average: 'all' });
  assert.ok(none.value === 0 && none.low <= 0 && none.high >= 0, JSON.stringify(none));
});

test('against certain labels posterior Macro F1 and its interval equal the ordinary ones', () => {
  const truth = labelsOf([12, 8, 5, 3]);
  const predicted = predict(truth, 4, 0.8, new Random(3));
  const certain = new Float64Array(truth.length * 4);
  for (const [i, label] of truth.entries()) certain[i * 4 + label] = 1;
  const plain = macroF1Interval(truth, predicted, 4, { average: 'all' });
  const soft = posteriorMacroF1(certain, predicted, 4);
  assert.ok(Math.abs(soft.value - plain.value) < 1e-12);
  assert.ok(Math.abs(soft.low - plain.low) < 1e-9 && Math.abs(soft.high - plain.high) < 1e-9, JSON.stringify(soft));
  assert.deepEqual(posteriorMacroF1(certain, predicted, 4), soft);
});

test('against posterior labels Macro F1 is close to the true one, unlike against labels with errors', () => {
  const random = new Random(4);
  const truth = labelsOf(Array<number>(6).fill(60));
  const predicted = predict(truth, 6, 0.9, random);
  const given = truth.map((label) => (random.uniform() < 0.3 ? (label + 1 + random.int(5)) % 6 : label));
  // A posterior of 0.9 for the true class.
  const posterior = new Float64Array(truth.length * 6).fill(0.02);
  for (const [i, label] of truth.entries()) posterior[i * 6 + label] = 0.9;
  const real = macroF1Interval(truth, predicted, 6, { average: 'all' });
  const asGiven = macroF1Interval(given, predicted, 6, { average: 'all' });
  const estimated = posteriorMacroF1(posterior, predicted, 6);
  assert.ok(Math.abs(estimated.value - real.value) < 0.12 && real.value - asGiven.value > 0.2);
  assert.throws(() => posteriorMacroF1(posterior.subarray(1), predicted, 6), /not rows of 6 classes/);
});

test('what has no interval is refused', () => {
  const none = new Int32Array(0);
  const one = Int32Array.of(0);
  assert.throws(() => macroF1Interval(none, none, 2, { average: 'all' }), /at least one image/);
  assert.throws(
    () => macroF1AnalyticInterval(confusionMatrix(none, none, 2), { average: 'all' }),
    /at least one image/,
  );
  assert.throws(() => macroF1Difference(one, one, Int32Array.of(2), 2, { average: 'all' }), /predicted\[0\] is 2/);
  assert.throws(() => expectedMacroF1IntervalWidth([0, 0]), /needs at least one image/);
  assert.throws(() => expectedMacroF1IntervalWidth([1, -1]), /supports\[1\] must be .* got -1/);
  assert.throws(() => expectedMacroF1IntervalWidth([1], { recall: 1 }), /recall/);
  assert.deepEqual(Object.keys(macroF1Interval(one, one, 1, { average: 'all' })), ['value', 'low', 'high']);
});
