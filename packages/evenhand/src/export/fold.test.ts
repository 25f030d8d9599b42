import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nn, ops, type Tensor } from '@evenhand/torch';
import { assertTranslated, type Computation, constant, traced } from './export.test.helper.js';
import { foldBatchNorms } from './fold.js';
import type { Graph } from './graph.js';

const IMAGE = [4, 6, 5];
const weight = constant([4, 4, 3, 3]);
const bias = constant([4], 2);
const statistics = [3, 4, 5].map((seed) => constant([4], seed)) as [Tensor, Tensor, Tensor];
const others = [6, 7, 8].map((seed) => constant([4], seed)) as [Tensor, Tensor, Tensor];
const variance = ops.exp(constant([4], 9));

const conv = (x: Tensor, b: Tensor | null = null): Tensor => ops.conv2d(x, weight, b, 1, 1);
const norm = (x: Tensor, [scale, shift, mean] = statistics): Tensor =>
  ops.batchNorm(x, scale, shift, mean, variance, false, 0.1, 1e-3, false);

const operators = ({ nodes }: Graph): string[] => nodes.map(({ op }) => op);

const cases: [name: string, computation: Computation, folded: string[]][] = [
  ['after a convolution', (x) => norm(conv(x)), ['Conv']],
  ['after a convolution with bias', (x) => norm(conv(x, bias)), ['Conv']],
  ['before a convolution', (x) => conv(norm(x), bias), ['BatchNormalization', 'Conv']],
  ['after something else', (x) => norm(ops.relu(conv(x))), ['Conv', 'Relu', 'BatchNormalization']],
  ['twice, one after the other', (x) => norm(norm(conv(x)), others), ['Conv']],
  [
    'with its activation',
    (x) => ops.batchNormAct(conv(x), ...statistics, variance, false, 0.1, 1e-3, 'silu'),
    ['Conv', 'Sigmoid', 'Mul'],
  ],
  [
    'if its convolution has a second reader after it',
    (x) => {
      const y = conv(x);
      return ops.add(norm(y), y);
    },
    ['Conv', 'BatchNormalization', 'Add'],
  ],
  [
    'if its convolution has a second reader before it',
    (x) => {
      const y = conv(x);
      const z = ops.relu(y);
      return ops.add(norm(y), z);
    },
    ['Conv', 'Relu', 'BatchNormalization', 'Add'],
  ],
  [
    'if two normalisations read its convolution',
    (x) => {
      const y = conv(x);
      return ops.mul(norm(y), norm(y, others));
    },
    ['Conv', 'BatchNormalization', 'BatchNormalization', 'Mul'],
  ],
  ['if two convolutions share their weights', (x) => norm(conv(norm(conv(x), others))), ['Conv', 'Conv']],
  [
    'if a convolution without normalisation shares the weights',
    (x) => ops.add(norm(conv(x)), conv(x)),
    ['Conv', 'Conv', 'Add'],
  ],
  [
    'if the weights are computed from other weights',
    (x) => norm(ops.conv2d(x, ops.mulScalar(weight, 2), null, 1, 1)),
    ['Conv'],
  ],
  [
    'if the weights are computed when the model runs',
    (x) => norm(ops.conv2d(x, ops.reshape(ops.amax(x, [0]), [4, 1, 6, 5]), null, 1, 3, 1, 4)),
    ['ReduceMax', 'Reshape', 'Conv', 'BatchNormalization'],
  ],
  ['after padding', (x) => norm(ops.constantPadNd(x, [1, 1])), ['Pad', 'BatchNormalization']],
  [
    'after a linear layer',
    (x) => norm(ops.linear(ops.meanDim(x, [2, 3]), constant([4, 4], 12))),
    ['ReduceMean', 'Gemm', 'BatchNormalization'],
  ],
  ['between convolutions and a layer norm', (x) => ops.layerNorm(norm(conv(x)), [5]), ['Conv', 'LayerNormalization']],
];

for (const [name, computation, folded] of cases) {
  test(`a BatchNorm ${name}: the right operators and values`, async () => {
    const graph = await assertTranslated(computation, IMAGE, name);
    assert.deepEqual(operators(graph), folded);
  });
}

test('folding removes unused constants and keeps shared ones', () => {
  const names = (computation: Computation): string[] => {
    const { nodes, constants } = foldBatchNorms(traced(computation, IMAGE));
    assert.ok([...constants.keys()].every((name) => nodes.some(({ inputs }) => inputs.includes(name))));
    return [...constants.keys()];
  };
  assert.equal(names((x) => norm(conv(x))).length, 2);
  assert.equal(names((x) => ops.add(norm(conv(x)), conv(x))).length, 3);
});

test('the input graph is not changed', () => {
  const graph = traced((x) => norm(conv(x)), IMAGE);
  const before = structuredClone(graph);
  foldBatchNorms(graph);
  assert.deepEqual(graph, before);
});

test('depthwise convolutions and blocks of layers', async () => {
  const layers = nn.setTraining(
    new nn.Sequential(
      new nn.ConvNormActivation(4, 4, { groups: 4, activation: new nn.SiLU() }),
      new nn.ConvNormActivation(4, 8, { kernelSize: 1, stride: 2, activation: null }),
      new nn.Conv2d(8, 8, 3, { padding: 'same', groups: 2 }),
      new nn.BatchNorm2d(8),
    ),
    false,
  );
  const graph = await assertTranslated((x) => layers.forward(x), IMAGE, 'layers');
  assert.deepEqual(operators(graph), ['Conv', 'Sigmoid', 'Mul', 'Conv', 'Conv']);
});
