import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Random } from '../random.js';
import {
  addConfusion,
  argmax,
  type ClassificationReport,
  classCounts,
  classificationReport,
  confusionMatrix,
  describeMacroF1,
  expectedCalibrationError,
  logSoftmax,
  negativeLogLikelihood,
  softmax,
  topKAccuracy,
} from './index.js';

interface PerClass {
  precision: number[];
  recall: number[];
  f1: number[];
  support: number[];
  counts: number[];
}
interface Golden {
  labels: [k: number, truth: string, predicted: string, scores: number[], perClass?: PerClass][];
  logits: [k: number, truth: string, logits: string, scores: number[]][];
}

const golden: Golden = JSON.parse(
  gunzipSync(readFileSync(new URL('../../golden/metrics/scores.json.gz', import.meta.url))).toString(),
);
const unpack = (text: string): Int32Array => Int32Array.from(text, (digit) => Number.parseInt(digit, 36));

function near(actual: number, expected: number, what: string, tolerance = 1e-12): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual}, expected ${expected}`);
}

test('scores of labels equal scikit-learn on 2,000 random cases with absent classes and 0/0', () => {
  assert.equal(golden.labels.length, 2000);
  for (const [index, [k, truth, predicted, scores, perClass]] of golden.labels.entries()) {
    const matrix = confusionMatrix(unpack(truth), unpack(predicted), k);
    const report = classificationReport(matrix);
    const names = ['macroF1', 'macroF1Present', 'microF1', 'weightedF1', 'balancedAccuracy', 'accuracy'] as const;
    for (const [i, name] of names.entries()) near(report[name], scores[i]!, `case ${index} ${name}`);
    if (perClass === undefined) continue;
    assert.deepEqual(Array.from(matrix.counts), perClass.counts, `case ${index} confusion matrix`);
    for (const [i, score] of report.perClass.entries()) {
      for (const name of ['precision', 'recall', 'f1', 'support'] as const) {
        near(score[name], perClass[name][i]!, `case ${index} class ${i} ${name}`);
      }
    }
  }
});

test('scores of logits equal scikit-learn and PyTorch', () => {
  for (const [index, [k, truth, packed, scores]] of golden.logits.entries()) {
    const labels = unpack(truth);
    const logits = Float32Array.from(unpack(packed), (digit) => digit / 4);
    const actual = [
      ...[1, 2, 5].map((top) => topKAccuracy(logits, labels, k, top)),
      negativeLogLikelihood(logits, labels, k),
      expectedCalibrationError(logits, labels, k),
    ];
    for (const [i, score] of actual.entries()) near(score, scores[i]!, `case ${index} score ${i}`);
  }
});

/** The scores from their definitions, image by image and class by class: shares no code or formula with the module. */
function naive(truth: number[], predicted: number[], k: number): Omit<ClassificationReport, 'perClass'> {
  const n = truth.length;
  const f1: number[] = [];
  const support: number[] = [];
  const recalls: number[] = [];
  const union = new Set([...truth, ...predicted]);
  let [tpAll, fpAll, fnAll] = [0, 0, 0];
  for (let c = 0; c < k; c++) {
    const tp = truth.filter((t, i) => t === c && predicted[i] === c).length;
    const fp = truth.filter((t, i) => t !== c && predicted[i] === c).length;
    const fn = truth.filter((t, i) => t === c && predicted[i] !== c).length;
    const precision = tp + fp === 0 ? 0 : tp / (tp + fp);
    const recall = tp + fn === 0 ? 0 : tp / (tp + fn);
    f1.push(precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall));
    support.push(tp + fn);
    if (tp + fn > 0) recalls.push(recall);
    tpAll += tp;
    fpAll += fp;
    fnAll += fn;
  }
  const total = (values: number[]): number => values.reduce((sum, x) => sum + x, 0);
  const [microPrecision, microRecall] = [tpAll / (tpAll + fpAll), tpAll / (tpAll + fnAll)];
  return {
    numClasses: k,
    numImages: n,
    numPresent: union.size,
    numSupported: new Set(truth).size,
    accuracy: truth.filter((t, i) => t === predicted[i]).length / n,
    balancedAccuracy: total(recalls) / recalls.length,
    macroF1: total(f1) / k,
    macroF1Present: total(f1.filter((_, c) => union.has(c))) / union.size,
    microF1: tpAll === 0 ? 0 : (2 * microPrecision * microRecall) / (microPrecision + microRecall),
    weightedF1: total(f1.map((f, c) => f * support[c]!)) / n,
  };
}

/** Random labels and predictions in which classes are often absent from either. */
function randomCase(seed: number): { k: number; truth: number[]; predicted: number[] } {
  const random = new Random(7, seed);
  const k = 1 + random.int(30);
  const n = 1 + random.int(40);
  const recall = random.uniform();
  const used = 1 + random.int(k);
  const truth = Array.from({ length: n }, () => random.int(used));
  return { k, truth, predicted: truth.map((t) => (random.uniform() < recall ? t : random.int(k))) };
}

test('scores follow the definitions on 5,000 random cases', () => {
  for (let seed = 0; seed < 5000; seed++) {
    const { k, truth, predicted } = randomCase(seed);
    const { perClass, ...report } = classificationReport(
      confusionMatrix(Int32Array.from(truth), Int32Array.from(predicted), k),
    );
    assert.equal(perClass.length, k);
    for (const [name, expected] of Object.entries(naive(truth, predicted, k))) {
      near(report[name as keyof typeof report], expected, `case ${seed} ${name}`);
    }
  }
});

test('the matrices of parts add up to that of the whole, unlike averaged scores', () => {
  const { k, truth, predicted } = { k: 3, truth: [0, 0, 1, 1, 2, 2], predicted: [0, 1, 1, 1, 2, 0] };
  const part = (from: number, to: number) =>
    confusionMatrix(Int32Array.from(truth.slice(from, to)), Int32Array.from(predicted.slice(from, to)), k);
  const parts = [part(0, 1), part(1, 4), part(4, 6)];
  assert.deepEqual(addConfusion(...parts), part(0, 6));
  assert.deepEqual(Array.from(parts[0]!.counts), [1, 0, 0, 0, 0, 0, 0, 0, 0], 'the parts are unchanged');
  const averaged = parts.reduce((sum, m) => sum + classificationReport(m).macroF1, 0) / parts.length;
  assert.notEqual(averaged, classificationReport(part(0, 6)).macroF1);
});

test('without images every score is 0, never NaN', () => {
  const none = new Int32Array(0);
  const { perClass, ...scores } = classificationReport(confusionMatrix(none, none, 3));
  assert.deepEqual(perClass[2], { precision: 0, recall: 0, f1: 0, support: 0, predicted: 0 });
  for (const [name, score] of Object.entries(scores)) assert.equal(score, name === 'numClasses' ? 3 : 0, name);
  const logits = new Float32Array(0);
  assert.equal(negativeLogLikelihood(logits, none, 3), 0);
  assert.equal(topKAccuracy(logits, none, 3, 1), 0);
  assert.equal(expectedCalibrationError(logits, none, 3), 0);
});

test('Macro F1 is named with the classes that it averages', () => {
  const some = { numClasses: 102, numPresent: 37 };
  assert.equal(describeMacroF1(some, 'all'), 'Macro F1 over all 102 classes (37 present)');
  assert.equal(describeMacroF1(some, 'present'), 'Macro F1 over the 37 of 102 classes present');
  assert.equal(describeMacroF1({ numClasses: 5, numPresent: 5 }, 'present'), 'Macro F1 over all 5 classes');
});

test('labels out of range are refused by index and value', () => {
  const ok = Int32Array.of(0, 1, 2);
  assert.throws(() => confusionMatrix(Int32Array.of(0, 3, 1), ok, 3), /truth\[1\] is 3, but with 3 classes/);
  assert.throws(() => confusionMatrix(ok, Int32Array.of(0, 1, -1), 3), /predicted\[2\] is -1/);
  assert.throws(() => confusionMatrix(ok, Int32Array.of(0, 1), 3), /3 true labels but 2 predictions/);
  assert.throws(() => confusionMatrix(ok, ok, 0), /numClasses must be a whole number of at least 1, got 0/);
  assert.throws(() => classCounts(Int32Array.of(5), 3), /labels\[0\] is 5/);
  assert.throws(() => addConfusion(), /at least one/);
  assert.throws(() => addConfusion(confusionMatrix(ok, ok, 3), confusionMatrix(ok, ok, 4)), /of 3 and of 4 classes/);
  assert.deepEqual(Array.from(classCounts(Int32Array.of(2, 0, 2), 4)), [1, 0, 2, 0]);
});

test('softmax does not overflow or lose small probabilities', () => {
  const logits = Float64Array.of(1000, 999, -1000, -1e6, -1e6, -1e6 + 1);
  const p = softmax(logits, 3);
  near(p[0]!, 1 / (1 + Math.exp(-1)), 'first probability');
  near(p[3]! + p[4]! + p[5]!, 1, 'sum of the second row');
  // A wrong class with probability e^-60 still has a logarithm, while log(1 - p) of the right one would be 0.
  near(logSoftmax(Float64Array.of(60, 0), 2)[1]!, -60, 'small log-probability');
  near(logSoftmax(Float64Array.of(1e9, 1e9 - 30), 2)[0]! / -Math.exp(-30), 1, 'log-probability near 0', 0.01);
  assert.equal(softmax(Float32Array.of(0, Number.NEGATIVE_INFINITY), 2)[1], 0);
  assert.equal(negativeLogLikelihood(Float32Array.of(0, Number.NEGATIVE_INFINITY), Int32Array.of(1), 2), Infinity);
});

test('equal logits rank by class index, so that top-1 is the accuracy of argmax', () => {
  const logits = Float32Array.of(1, 2, 2, 0, 0, 0);
  assert.deepEqual(Array.from(argmax(logits, 3)), [1, 0]);
  assert.equal(topKAccuracy(logits, Int32Array.of(1, 0), 3, 1), 1);
  assert.equal(topKAccuracy(logits, Int32Array.of(2, 1), 3, 1), 0);
  assert.equal(topKAccuracy(logits, Int32Array.of(2, 1), 3, 2), 1);
  assert.equal(topKAccuracy(logits, Int32Array.of(0, 2), 3, 5), 1);
});

test('calibration bins are closed above: a confidence of exactly 0.5 belongs to the lower of two bins', () => {
  // Both images have confidence 0.5 or just above; in one bin their errors would cancel, in two they add up.
  const logits = Float64Array.of(0, 0, 1e-9, 0);
  near(expectedCalibrationError(logits, Int32Array.of(0, 1), 2, { numBins: 2 }), 0.5, 'two bins', 1e-8);
  near(expectedCalibrationError(logits, Int32Array.of(0, 1), 2, { numBins: 1 }), 0, 'one bin', 1e-8);
});

test('invalid logits are refused with the index of the image', () => {
  const label = Int32Array.of(0, 0);
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const logits = Float32Array.of(0, 1, bad, 0);
    const message = new RegExp(`largest logit of image 1 is ${bad}`);
    assert.throws(() => argmax(logits, 2), message);
    assert.throws(() => softmax(logits, 2), message);
    assert.throws(() => topKAccuracy(logits, label, 2, 1), message);
  }
  assert.throws(() => softmax(new Float32Array(2).fill(Number.NEGATIVE_INFINITY), 2), /-Infinity/);
  assert.throws(() => softmax(new Float32Array(5), 2), /5 logits are not rows of 2 classes/);
  assert.throws(() => topKAccuracy(new Float32Array(6), label, 2, 1), /2 true labels but logits of 3 images/);
  assert.throws(() => topKAccuracy(new Float32Array(4), label, 2, 0), /k must be a whole number of at least 1, got 0/);
  assert.throws(() => negativeLogLikelihood(new Float32Array(2), Int32Array.of(2), 2), /truth\[0\] is 2/);
  assert.throws(() => expectedCalibrationError(new Float32Array(4), label, 2, { numBins: 0 }), /numBins/);
});
