import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as ops from '../ops.js';
import { scope } from '../scope.js';
import { type Tensor, tensor } from '../tensor.js';
import { assertClose } from '../testing/assert-close.js';
import { type GoldenTensor, makeTensor, readGolden, testedDevices, toleranceOn, valuesOf } from '../testing/golden.js';
import { type CrossEntropyOptions, crossEntropy } from './index.js';

interface Case {
  target: 'hard' | 'soft';
  weighted: boolean;
  labelSmoothing: number;
  reduction: 'none' | 'mean' | 'sum';
  loss: GoldenTensor;
  /** Gradient of the sum of the losses with respect to the logits. */
  gradient: GoldenTensor;
}

const { given, cases } = readGolden<{
  crossEntropy: { given: Record<'logits' | 'hard' | 'soft' | 'weight', GoldenTensor>; cases: Case[] };
}>('nn/nn.json.gz').crossEntropy;

for (const device of testedDevices) {
  describe(`cross-entropy on ${device}`, () => {
    for (const { target, weighted, labelSmoothing, reduction, loss, gradient } of cases) {
      test(`${target} targets, ${weighted ? 'weighted' : 'plain'}, smoothing ${labelSmoothing}, ${reduction}`, () =>
        scope(() => {
          const logits = makeTensor({ ...given.logits, grad: true }, device);
          const weight = weighted ? makeTensor(given.weight, device) : null;
          const options = { weight, labelSmoothing, reduction };
          const result = crossEntropy(logits, makeTensor(given[target], device), options);
          assertClose(result, valuesOf(loss), { ...toleranceOn(device), name: 'loss' });
          ops.sum(result).backward();
          assertClose(logits.grad!, valuesOf(gradient), { ...toleranceOn(device), name: 'gradient' });
        }));
    }
  });
}

test('the default is the mean over the samples, without weights or smoothing', () =>
  scope(() => {
    const [logits, target] = [makeTensor(given.logits), makeTensor(given.hard)];
    assertClose(crossEntropy(logits, target), crossEntropy(logits, target, { labelSmoothing: 0, reduction: 'mean' }));
    assertClose(crossEntropy(ops.zeros([2, 4]), tensor([0, 3], { dtype: 'int64' })), tensor(Math.log(4)));
  }));

const ours = /^crossEntropy: logits must be \[N,K\] and target .*, got logits /;
const wrong: [string, (make: { logits: Tensor; hard: Tensor }) => [Tensor, Tensor, CrossEntropyOptions?], RegExp][] = [
  ['a different number of samples', ({ logits }) => [logits, tensor([0, 1], { dtype: 'int64' })], ours],
  ['a different number of classes', ({ logits }) => [logits, ops.zeros([5, 3])], ours],
  ['class indices that are floats', ({ logits, hard }) => [logits, ops.to(hard, { dtype: 'float32' })], ours],
  ['class indices that are int32', ({ logits, hard }) => [logits, ops.to(hard, { dtype: 'int32' })], ours],
  ['probabilities with another type', ({ logits }) => [logits, ops.zeros([5, 4], { dtype: 'float64' })], ours],
  ['images', ({ hard }) => [ops.zeros([5, 4, 2, 2]), hard], ours],
  ['one sample without its dimension', () => [ops.zeros([4]), tensor(1, { dtype: 'int64' })], ours],
  [
    'an unknown class',
    ({ logits }) => [logits, tensor([0, 1, 2, 3, 4], { dtype: 'int64' })],
    /Target 4 is out of bounds/,
  ],
  ['weights of a different length', ({ logits, hard }) => [logits, hard, { weight: ops.ones([3]) }], /weight/],
  ['smoothing above 1', ({ logits, hard }) => [logits, hard, { labelSmoothing: 1.5 }], /label_smoothing/],
];
for (const [name, make, message] of wrong) {
  test(`refuses ${name}`, () =>
    scope(() => {
      const args = make({ logits: makeTensor(given.logits), hard: makeTensor(given.hard) });
      assert.throws(() => crossEntropy(...args), { name: 'TorchError', message });
    }));
}
