import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import { assertGraph, assertTranslated, type Computation, constant, traced } from './export.test.helper.js';
import { GraphBuilder } from './graph.js';
import { translate } from './translate.js';

const IMAGE = [4, 7, 6];
const MATRIX = [6, 5];

const weight = constant([8, 4, 3, 3]);
const bias = constant([8], 2);
const depthwise = constant([4, 1, 3, 2], 3);
const even = constant([5, 4, 2, 4], 4);
const linear = constant([5, 6], 5);
const five = constant([5], 6);
const image = constant([1, 4, 7, 6], 7);
const [scale, shift, mean] = [8, 9, 10].map((seed) => constant([4], seed)) as [Tensor, Tensor, Tensor];
const variance = ops.exp(constant([4], 11));
const tall = constant([7, 6], 12);
const six = constant([6], 15);
const double = ops.to(constant([6]), { dtype: 'float64' });

/** Each operation that has a translation, in all the ways that make it another node. */
const cases: [name: string, computation: Computation, rest?: number[]][] = [
  ['conv2d', (x) => ops.conv2d(x, weight)],
  ['conv2d with bias', (x) => ops.conv2d(x, weight, bias)],
  ['conv2d with one stride and padding', (x) => ops.conv2d(x, weight, bias, 2, 1)],
  ['conv2d of unequal sides', (x) => ops.conv2d(x, weight, null, [2, 1], [0, 2], [3, 1])],
  ['conv2d in groups', (x) => ops.conv2d(x, depthwise, null, 1, [1, 0], 1, 4)],
  ['conv2d, same', (x) => ops.conv2dPadded(x, weight, bias, 1, 'same', [2, 1])],
  ['conv2d, same with an even kernel', (x) => ops.conv2dPadded(x, even, five, 1, 'same')],
  ['conv2d, valid', (x) => ops.conv2dPadded(x, depthwise, null, [1, 2], 'valid', 1, 4)],
  ['conv2d, padding left out', (x) => ops.conv2dPadded(x, weight)],
  ['depthwiseConv2d', (x) => ops.depthwiseConv2d(x, depthwise, scale, [1, 2], 1)],
  ['batchNorm', (x) => ops.batchNorm(x, scale, shift, mean, variance, false, 0.1, 1e-3, false)],
  ...(['none', 'relu', 'relu6', 'silu', 'sigmoid', 'hardswish'] as const).map((activation): [string, Computation] => [
    `batchNormAct, ${activation}`,
    (x) => ops.batchNormAct(x, scale, shift, mean, variance, false, 0.1, 1e-3, activation),
  ]),
  ['layerNorm', (x) => ops.layerNorm(x, [6], six, constant([6], 18), 1e-2)],
  ['layerNorm of two dimensions', (x) => ops.layerNorm(x, [7, 6], tall)],
  ['layerNorm without weights', (x) => ops.layerNorm(x, [6])],
  ['gelu', (x) => ops.gelu(x)],
  ['gelu, tanh', (x) => ops.gelu(x, { approximate: 'tanh' })],
  ['quickGELU', (x) => new nn.QuickGELU().forward(x)],
  ['tanh', ops.tanh],
  ['attention', (x) => nn.plainAttention(x, ops.relu(x), ops.tanh(x))],
  ['attention with a mask', (x) => nn.plainAttention(x, ops.relu(x), ops.tanh(x), constant([1, 1, 7, 7], 17))],
  ['relu', ops.relu],
  ['relu in place', (x) => ops.relu_(ops.tanh(x))],
  ['relu6', ops.relu6],
  ['silu', ops.silu],
  ['sigmoid', ops.sigmoid],
  ['hardswish', ops.hardswish],
  ['hardsigmoid', ops.hardsigmoid],
  ['clamp', (x) => ops.clamp(x, -1, 2.5)],
  ['clamp from below', (x) => ops.clamp(x, 0.5)],
  ['clamp from above', (x) => ops.clamp(x, null, 0.5)],
  ['softmax', (x) => ops.softmax(x, 1)],
  ['softmax of the last dimension', (x) => ops.softmax(x, -1)],
  ['adaptiveAvgPool2d', (x) => ops.adaptiveAvgPool2d(x, 1)],
  ['avgPool2d', (x) => ops.avgPool2d(x, 2)],
  ['avgPool2d with padding', (x) => ops.avgPool2d(x, [3, 2], [2, 1], [1, 1])],
  ['avgPool2d without its padding', (x) => ops.avgPool2d(x, 3, 2, 1, false, false)],
  ['avgPool2d of odd sides, rounded up', (x) => ops.avgPool2d(x, 2, 2, 0, true, false), [4, 7, 5]],
  ['avgPool2d, rounded up, its padding counted if there were any', (x) => ops.avgPool2d(x, 2, 2, 0, true), [4, 7, 5]],
  ['avgPool2d with padding, rounded up', (x) => ops.avgPool2d(x, 3, 2, 1, true, false), [4, 6, 5]],
  ['maxPool2d, rounded up', (x) => ops.maxPool2d(x, 3, 2, 0, 1, true), [4, 8, 6]],
  ['maxPool2d', (x) => ops.maxPool2d(x, 2)],
  ['maxPool2d with padding', (x) => ops.maxPool2d(x, [3, 2], [2, 1], 1)],
  ['maxPool2d with dilation', (x) => ops.maxPool2d(x, 2, 1, 0, [2, 3])],
  ['linear', (x) => ops.linear(x, linear, five), [6]],
  ['linear without bias', (x) => ops.linear(x, linear), [6]],
  ['linear on a sequence', (x) => ops.linear(x, linear, five), [3, 6]],
  ['linear on a map, without bias', (x) => ops.linear(x, linear), [2, 3, 6]],
  ['linear with computed weights', (x) => ops.linear(x, ops.reshape(ops.amax(x, [0]), [3, 6])), [3, 6]],
  [
    'linear twice with the same weights',
    (x) => ops.add(ops.linear(x, linear), ops.linear(ops.relu(x), linear)),
    [3, 6],
  ],
  ['matmul', (x) => ops.matmul(x, linear), MATRIX],
  ['bmm', (x) => ops.bmm(x, ops.transpose(x, 1, 2)), MATRIX],
  ['neg', ops.neg],
  ['sqrt', (x) => ops.sqrt(ops.relu(x))],
  ['rsqrt', (x) => ops.rsqrt(ops.addScalar(ops.relu(x), 1))],
  ['pow', (x) => ops.pow(x, 2)],
  ['pow of a fraction', (x) => ops.pow(ops.relu(x), 1.5)],
  ['subScalar', (x) => ops.subScalar(x, 1.5)],
  ['subScalar with alpha', (x) => ops.subScalar(x, 1.5, 2)],
  ['scalars in place', (x) => ops.addScalar_(ops.mulScalar_(ops.relu(x), 2), 3)],
  ['div in place', (x) => ops.div_(ops.relu(x), ops.exp(image))],
  ['sumDim', (x) => ops.sumDim(x, [2, -1])],
  ['sumDim of one dimension, kept', (x) => ops.sumDim(x, 1, true)],
  ['amax', (x) => ops.amax(x, [2, 3])],
  ['amax with its dimension kept', (x) => ops.amax(x, [-1], true)],
  ['vectorNorm', (x) => ops.vectorNorm(x, 2, [1, 2], true)],
  ['vectorNorm of the last dimension', (x) => ops.vectorNorm(x, 2, [-1])],
  ['add', (x) => ops.add(x, image)],
  ['add of itself', (x) => ops.add(x, x)],
  ['sub', (x) => ops.sub(x, image)],
  ['sub from a constant', (x) => ops.sub(image, x)],
  ['mul', (x) => ops.mul(x, image)],
  ['div', (x) => ops.div(x, image)],
  ['add in place', (x) => ops.relu(ops.add_(ops.relu(x), image))],
  ['mul in place', (x) => ops.relu(ops.mul_(ops.relu(x), image))],
  ['addScalar', (x) => ops.addScalar(x, 1.5)],
  ['addScalar with alpha', (x) => ops.addScalar(x, 1.5, 3)],
  ['mulScalar', (x) => ops.mulScalar(x, -1.5)],
  ['divScalar', (x) => ops.divScalar(x, 3)],
  ['meanDim', (x) => ops.meanDim(x, [2, 3])],
  ['meanDim of one dimension', (x) => ops.meanDim(x, 1)],
  ['meanDim with its dimensions kept', (x) => ops.meanDim(x, [-1, -2], true)],
  ['dropout', (x) => ops.relu(ops.dropout(x, 0.5, false))],
  ['to', (x) => ops.relu(ops.to(x, { dtype: 'float32' }))],
  ['to of a memory format', (x) => ops.relu(ops.to(x, { memoryFormat: 'channelsLast' }))],
  ['contiguous', (x) => ops.relu(ops.contiguous(x))],
  ['clone', (x) => ops.relu(ops.clone(x))],
  ['detach', (x) => ops.relu(ops.detach(x))],
];

for (const [name, computation, rest = IMAGE] of cases) {
  test(`${name} gives the same values in ONNX Runtime as in libtorch`, async () => {
    await assertTranslated(computation, rest, name);
  });
}

for (const mask of [null, constant([1, 3, 4, 6], 19)]) {
  test(`fused attention ${mask === null ? 'without' : 'with'} a mask has the values of the plain one`, async () => {
    const [k, v] = [constant([1, 3, 6, 5], 20), constant([1, 3, 6, 5], 21)];
    const computation = (q: Tensor): Tensor => nn.plainAttention(q, k, v, mask);
    // Called here, because libtorch 1.13 does not have the operation.
    const graph = scope(() => {
      const builder = new GraphBuilder('x', new Map());
      const [q, one] = [2, 1].map((count) => ops.zeros([count, 3, 4, 5])) as [Tensor, Tensor];
      const [args, others] = [q, one].map((x) => [x, k, v, mask]) as [unknown[], unknown[]];
      const { schema } = nn.scaledDotProductAttention;
      builder.bind(q, 'x');
      const result = computation(q);
      translate(builder, { schema, args, result, other: { schema, args: others, result: computation(one) } });
      return { ...builder, input: 'x', output: builder.nameOf(result) };
    });
    const shape = ['N', 3, 4, 5];
    await assertGraph({ ...graph, inputShape: shape, outputShape: shape }, computation, [3, 4, 5], 'attention');
  });
}

test('later operations read what was computed in place, and a clone keeps the old values', async () => {
  const computation = (x: Tensor): Tensor => {
    const y = ops.relu(x);
    const kept = ops.clone(y);
    ops.add_(y, image);
    ops.mul_(y, y);
    return ops.add(y, kept);
  };
  await assertTranslated(computation, IMAGE, 'in place');
});

const refused: [name: string, computation: Computation, message: string][] = [
  [
    'without a translation',
    ops.exp,
    'The model uses aten::exp, which cannot be exported: add a translation to packages/evenhand/src/export.',
  ],
  [
    'dropout in training mode',
    (x) => ops.dropout(x, 0.5, true),
    'The model is in training mode: call nn.setTraining(model, false) first.',
  ],
  [
    'batchNorm in training mode',
    (x) => ops.batchNorm(x, scale, shift, mean, variance, true, 0.1, 1e-3, false),
    'The model is in training mode: call nn.setTraining(model, false) first.',
  ],
  [
    'batchNormAct in training mode',
    (x) => ops.batchNormAct(x, scale, shift, mean, variance, true, 0.1, 1e-3, 'relu'),
    'The model is in training mode: call nn.setTraining(model, false) first.',
  ],
  [
    'batchNorm without weight',
    (x) => ops.batchNorm(x, null, null, mean, variance, false, 0.1, 1e-3, false),
    'A BatchNorm without weight, bias or statistics cannot be exported.',
  ],
  [
    'add with alpha',
    (x) => ops.add(x, x, { alpha: 2 }),
    'Add with alpha 2 cannot be exported: multiply before the operation.',
  ],
  [
    'a last window that begins in the padding',
    (x) => ops.maxPool2d(x, 2, 2, 1, 1, true),
    'MaxPool with ceil_mode and padding 1 x 1 cannot be exported.',
  ],
  [
    'a mean that counts padding, rounded up',
    (x) => ops.avgPool2d(x, 3, 2, 1, true),
    'AveragePool with ceil_mode and padding 1 x 1 cannot be exported.',
  ],
  [
    'divisor_override',
    (x) => ops.avgPool2d(x, 2, 2, 0, false, true, 3),
    'AveragePool with divisor_override cannot be exported.',
  ],
  [
    'adaptive pooling to more than a point',
    (x) => ops.adaptiveAvgPool2d(x, [2, 3]),
    'Adaptive pooling to 2 x 3 cannot be exported, only to 1 x 1.',
  ],
  ['another type', (x) => ops.to(x, { dtype: 'float64' }), 'A conversion to float64 cannot be exported.'],
  [
    'a constant of another type',
    (x) => ops.mul(x, double),
    'constant_0 has the type float64; only float32 and int64 can be exported.',
  ],
  [
    'a mean over everything',
    (x) => ops.meanDim(x, null),
    'A mean over all dimensions cannot be exported, because it mixes images.',
  ],
  [
    'a maximum over everything',
    (x) => ops.amax(x),
    'A maximum over all dimensions cannot be exported, because it mixes images.',
  ],
  ['another norm', (x) => ops.vectorNorm(x, 1, [1]), 'A vector norm of order 1 cannot be exported, only of order 2.'],
];

for (const [name, computation, message] of refused) {
  test(`${name} is refused in one sentence`, () => {
    assert.throws(() => traced(computation, IMAGE), { name: 'ExportError', message });
  });
}
