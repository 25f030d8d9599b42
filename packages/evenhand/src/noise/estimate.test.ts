import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { liveTensors, ops, scope, tensor } from '@evenhand/torch';
import { Random } from '../random.js';
import { estimateLabels } from './estimate.js';
import type { LabelEstimate } from './label-estimate.js';

const CLASSES = 12;
const WIDTH = 24;

interface Made {
  readonly features: Float32Array;
  readonly truth: Int32Array;
}

/** Features of made-up images: a long tail of classes, from 60 images down to 8, each class around its own centre. */
function drawFeatures(seed: number, spread = 0.45): Made {
  const random = new Random(seed);
  const centres = Float64Array.from({ length: CLASSES * WIDTH }, () => random.normal());
  const truth = Array.from({ length: CLASSES }, (_, k) =>
    new Array<number>(Math.round(60 * (8 / 60) ** (k / (CLASSES - 1)))).fill(k),
  ).flat();
  // Not negative, as pooled activations.
  const features = truth.flatMap((k) =>
    Array.from({ length: WIDTH }, (_, d) => Math.max(0, 1 + centres[k * WIDTH + d]! * 0.5 + spread * random.normal())),
  );
  return { features: Float32Array.from(features), truth: Int32Array.from(truth) };
}

/** Replaces a proportion of the labels with another class: any other one, or always the next one. */
function withLabelErrors(truth: Int32Array, rate: number, kind: 'uniform' | 'pairs', seed: number): Int32Array {
  const random = new Random(seed, 1);
  const given = Int32Array.from(truth);
  for (const i of random.permutation(truth.length).subarray(0, Math.round(rate * truth.length))) {
    given[i] = (truth[i]! + (kind === 'pairs' ? 1 : 1 + random.int(CLASSES - 1))) % CLASSES;
  }
  return given;
}

function estimate({ features }: Made, given: Int32Array, more = {}): LabelEstimate {
  return scope(() => {
    const x = tensor(features, [given.length, WIDTH]);
    return estimateLabels({ features: x, given, numClasses: CLASSES, seed: 3, ...more }).labels;
  });
}

function proportion(n: number, holds: (i: number) => boolean): number {
  return Array.from({ length: n }, (_, i) => i).filter(holds).length / n;
}

function averagePrecision(score: Float64Array, wrong: (i: number) => boolean): number {
  let [hits, sum] = [0, 0];
  for (const [rank, i] of [...score.keys()].sort((a, b) => score[b]! - score[a]!).entries()) {
    if (!wrong(i)) continue;
    hits++;
    sum += hits / (rank + 1);
  }
  return sum / hits;
}

describe('the estimate of label errors', () => {
  const made = drawFeatures(1);
  const { truth } = made;

  test('finds none among correct labels', () => {
    const { rate, wrong } = estimate(made, truth);
    assert.ok(rate.value < 0.01 && rate.low < 0.01, `${rate.value}`);
    assert.ok(proportion(truth.length, (i) => wrong[i]! > 0.5) <= 0.01);
  });

  for (const share of [0.1, 0.2, 0.4, 0.6]) {
    test(`is within two percentage points of ${share * 100} %, and finds the wrong labels`, () => {
      const given = withLabelErrors(truth, share, 'uniform', 5);
      const { rate, wrong, kind, posterior, rateByLabel } = estimate(made, given);
      const real = proportion(truth.length, (i) => given[i] !== truth[i]);
      assert.ok(Math.abs(rate.value - real) < 0.02, `${rate.value} is not ${real}`);
      assert.ok(rate.low <= rate.value && rate.value <= rate.high && rate.high - rate.low < 0.15);
      assert.equal(kind, 'uniform');
      assert.ok(averagePrecision(wrong, (i) => given[i] !== truth[i]) > 0.97);
      for (let i = 0; i < truth.length; i++) {
        const sum = posterior.subarray(i * CLASSES, (i + 1) * CLASSES).reduce((a, b) => a + b, 0);
        assert.ok(Math.abs(sum - 1) < 1e-9);
      }
      // The weighted mean of the rates by label is the overall rate.
      const mean = rateByLabel.reduce(
        (sum, { value }, c) => sum + value * proportion(given.length, (i) => given[i] === c),
        0,
      );
      assert.ok(Math.abs(mean - rate.value) < 1e-9);
    });
  }

  test('suggests the right class', () => {
    const given = withLabelErrors(truth, 0.3, 'uniform', 6);
    const { suggested } = estimate(made, given);
    const wrong = Array.from(truth.keys()).filter((i) => given[i] !== truth[i]);
    assert.ok(wrong.filter((i) => suggested[i] === truth[i]).length / wrong.length > 0.93);
    assert.ok(suggested.every((class_, i) => class_ !== given[i]));
  });

  test('recognises pairs of classes that are mixed up', () => {
    const given = withLabelErrors(truth, 0.25, 'pairs', 7);
    const { kind, rate, wrong } = estimate(made, given);
    assert.equal(kind, 'pairs');
    assert.ok(Math.abs(rate.value - 0.25) < 0.08, `${rate.value}`);
    assert.ok(averagePrecision(wrong, (i) => given[i] !== truth[i]) > 0.85);
  });

  test('does not judge an image by others of its group', () => {
    // Each image with a wrong label is there four times, so that its copies support its label.
    const given = withLabelErrors(truth, 0.2, 'uniform', 8);
    const copies = Array.from(truth.keys()).flatMap((i) => (given[i] === truth[i] ? [i] : [i, i, i, i]));
    const features = Float32Array.from(copies.flatMap((i) => [...made.features.subarray(i * WIDTH, (i + 1) * WIDTH)]));
    const labels = Int32Array.from(copies, (i) => given[i]!);
    const detected = (groups?: readonly number[]) => {
      const { wrong } = estimate({ features, truth }, labels, groups ? { groups } : {});
      const bad = copies.flatMap((i, row) => (given[i] === truth[i] ? [] : [wrong[row]!]));
      return bad.filter((p) => p > 0.5).length / bad.length;
    };
    assert.ok(detected(copies) > detected() + 0.1, `${detected(copies)} with groups, ${detected()} without`);
  });

  test('accepts a label that a person has confirmed', () => {
    const given = withLabelErrors(truth, 0.2, 'uniform', 9);
    const first = given.findIndex((y, i) => y !== truth[i]);
    const confirmed = Array.from(given, (_, i) => (i === first ? 1 : 0));
    const { wrong } = estimate(made, given, { confirmed });
    assert.equal(wrong[first], 0);
  });

  test('judges held-out images by their own error rate', () => {
    const given = withLabelErrors(truth, 0.3, 'uniform', 10);
    const isHeld = (i: number): boolean => i % 4 === 0;
    const pick = (held: boolean) => Array.from(truth.keys()).filter((i) => isHeld(i) === held);
    const rows = (indices: readonly number[]) =>
      Float32Array.from(indices.flatMap((i) => [...made.features.subarray(i * WIDTH, (i + 1) * WIDTH)]));
    scope(() => {
      const [fitted, held] = [pick(false), pick(true)];
      const { labels, heldOut } = estimateLabels({
        features: tensor(rows(fitted), [fitted.length, WIDTH]),
        given: Int32Array.from(fitted, (i) => given[i]!),
        numClasses: CLASSES,
        seed: 3,
        heldOut: {
          features: tensor(rows(held), [held.length, WIDTH]),
          given: Int32Array.from(held, (i) => truth[i]!),
        },
      });
      assert.ok(labels.rate.value > 0.25);
      assert.ok(heldOut!.rate.value < 0.02, `${heldOut!.rate.value}`);
    });
  });

  test('is reproducible, and leaves no tensor behind', () => {
    const given = withLabelErrors(truth, 0.2, 'uniform', 11);
    const before = liveTensors();
    const [one, two] = [estimate(made, given), estimate(made, given)];
    assert.deepEqual(one.posterior, two.posterior);
    assert.deepEqual(one.rate, two.rate);
    assert.equal(liveTensors(), before);
  });

  test('reports progress, from the beginning to the end', () => {
    const given = withLabelErrors(truth, 0.2, 'uniform', 12);
    const progress: number[] = [];
    scope(() => {
      const x = tensor(made.features, [given.length, WIDTH]);
      const heldOut = { features: ops.narrow(x, 0, 0, 50), given: given.slice(0, 50) };
      const onProgress = (done: number) => progress.push(done);
      estimateLabels({ features: x, given, numClasses: CLASSES, seed: 3, heldOut, onProgress });
    });
    assert.ok(progress.length > 100, `${progress.length} reports`);
    assert.ok(progress[0]! < 0.05 && progress.every((done, i) => done >= (progress[i - 1] ?? 0)));
    assert.ok(Math.abs(progress.at(-1)! - 1) < 1e-9, `${progress.at(-1)}`);
  });

  test('needs two images and two classes, and features of every image', () => {
    scope(() => {
      const x = tensor(new Float32Array(4), [2, 2]);
      const options = { features: x, given: Int32Array.from([0, 1]), numClasses: 2, seed: 0 };
      assert.throws(() => estimateLabels({ ...options, numClasses: 1 }), /needs at least 2 images and 2 classes/);
      assert.throws(() => estimateLabels({ ...options, given: Int32Array.from([0]) }), /1 labels but features of 2/);
      assert.equal(estimateLabels(options).labels.wrong.length, 2);
    });
  });

  test('suspects no label if each class has one image', () => {
    scope(() => {
      const { features } = drawFeatures(2);
      const x = tensor(features.slice(0, 5 * WIDTH), [5, WIDTH]);
      const { labels } = estimateLabels({
        features: x,
        given: Int32Array.from([0, 1, 2, 3, 4]),
        numClasses: 5,
        seed: 0,
      });
      assert.ok(
        labels.wrong.every((p) => p <= 0.5),
        `${labels.wrong}`,
      );
    });
  });
});
