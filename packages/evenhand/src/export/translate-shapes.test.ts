import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nn, ops, type Tensor, tensor } from '@evenhand/torch';
import { assertTranslated, type Computation, constant, traced } from './export.test.helper.js';

const IMAGE = [4, 7, 6];

const tall = constant([7, 6], 12);
const row = constant([1, 1, 6], 13);
const table = constant([9, 4], 16);
const indices = nn.buffer(tensor(BigInt64Array.of(3n, 0n, 8n, 3n), [4]));

/** Each operation that rearranges values, in all the ways that make it another node. */
const cases: [name: string, computation: Computation, rest?: number[]][] = [
  ['flatten', (x) => ops.flatten(x, 1)],
  ['flatten to the last dimension', (x) => ops.flatten(x, 1, 3)],
  ['reshape', (x) => ops.reshape(x, [x.shape[0]!, 2, 2, 42])],
  ['reshape with a free size', (x) => ops.reshape(x, [x.shape[0]!, 4, -1])],
  ['reshape to a free number', (x) => ops.reshape(x, [-1, 4, 42])],
  ['flatten of inner dimensions', (x) => ops.flatten(x, 1, 2)],
  ['flatten of the last dimensions', (x) => ops.flatten(x, 2)],
  ['flatten of the images and the channels', (x) => ops.flatten(x, 0, 1)],
  ['reshape to windows and back', (x) => ops.reshape(ops.relu(ops.reshape(x, [-1, 2, 7, 6])), [x.shape[0]!, -1, 6])],
  ['reshape to a number of windows', (x) => ops.reshape(x, [x.shape[0]! * 2, 2, 7, 6])],
  ['reshape that keeps the images inside', (x) => ops.reshape(ops.transpose(x, 0, 1), [2, 2, -1, 42])],
  [
    'reshape with the number of images twice',
    (x) =>
      ops.reshape(ops.relu(ops.matmul(ops.reshape(x, [-1, 42]), ops.transpose(ops.reshape(x, [-1, 42]), 0, 1))), [
        2,
        x.shape[0]! * 2,
        x.shape[0]! * 2,
        2,
      ]),
  ],
  ['transpose', (x) => ops.transpose(x, 1, -1)],
  ['unsqueeze', (x) => ops.unsqueeze(x, 1)],
  ['unsqueeze at the end', (x) => ops.unsqueeze(x, -1)],
  ['squeeze', (x) => ops.squeeze(x, 1), [1, 7, 6]],
  ['squeeze of a larger dimension', (x) => ops.relu(ops.squeeze(x, -1))],
  ['expand', (x) => ops.expand(x, [-1, 4, 7, 6]), [4, 7, 1]],
  ['expand with new dimensions', (x) => ops.expand(x, [3, -1, -1, -1, -1])],
  ['a token for each image', (x) => ops.cat([ops.expand(row, [x.shape[0]!, -1, -1]), x], 1), [3, 6]],
  ['a mask for each window', (x) => ops.add(ops.reshape(x, [-1, 7, 6]), ops.expand(tall, [x.shape[0]! * 4, 7, 6]))],
  ['slice', (x) => ops.slice(x, 2, 1, 6, 2)],
  ['slice from the end', (x) => ops.slice(x, -1, -4, -1)],
  ['slice without bounds', (x) => ops.slice(x, 1, null, null, 3)],
  ['narrow', (x) => ops.narrow(x, 2, 1, 4)],
  ['narrow from the end', (x) => ops.narrow(x, -1, -3, 3)],
  ['select', (x) => ops.select(x, 1, 2)],
  ['select from the end', (x) => ops.select(x, -1, -2)],
  ['select of an image', (x) => ops.add(x, ops.select(x, 0, 0))],
  ['unbind', (x) => ops.sub(...(ops.unbind(x, 1) as [Tensor, Tensor])), [2, 7, 6]],
  ['unbind of the last dimension', (x) => ops.mul(ops.unbind(x, -1)[0]!, ops.unbind(x, -1)[5]!)],
  ['chunk', (x) => ops.sub(...(ops.chunk(x, 2, 1) as [Tensor, Tensor]))],
  ['chunk of unequal parts', (x) => ops.cat(ops.chunk(x, 3, 2).reverse(), 2)],
  ['indexSelect', (x) => ops.indexSelect(x, 1, indices), [9, 2]],
  [
    'a bias from a table, which becomes a constant',
    (x) => ops.add(x, ops.permute(ops.reshape(ops.indexSelect(table, 0, indices), [2, 2, 4]), [2, 0, 1])),
    [4, 2, 2],
  ],
  ['roll', (x) => ops.roll(x, [2, -3], [2, 3])],
  ['roll by all and more', (x) => ops.roll(x, [7, -9], [2, -1])],
  ['stack', (x) => ops.stack([x, ops.relu(x)], 2)],
  ['stack at the end', (x) => ops.stack([x, ops.relu(x), x], -1)],
  ['permute', (x) => ops.permute(x, [0, 2, 3, 1])],
  ['permute from the end', (x) => ops.permute(x, [0, -1, 1, -2])],
  ['cat', (x) => ops.cat([x, ops.relu(x), x], 1)],
  ['cat of the last dimension', (x) => ops.cat([x, x], -1)],
  ['constantPadNd', (x) => ops.constantPadNd(x, [1, 2])],
  ['constantPadNd of two dimensions with a value', (x) => ops.constantPadNd(x, [1, 2, 0, 3], -2)],
  ['constantPadNd that cuts', (x) => ops.constantPadNd(x, [-1, 2])],
];

for (const [name, computation, rest = IMAGE] of cases) {
  test(`${name} gives the same values in ONNX Runtime as in libtorch`, async () => {
    await assertTranslated(computation, rest, name);
  });
}

const refused: [name: string, computation: Computation, message: string][] = [
  ['rolling everything', (x) => ops.roll(x, 1), 'Rolling all elements cannot be exported: name the dimensions.'],
  [
    'rolling images',
    (x) => ops.roll(x, 1, 0),
    'aten::roll over dimension 0 cannot be exported: its size is the number of images.',
  ],
  [
    'squeezing images',
    (x) => ops.relu(ops.squeeze(ops.unsqueeze(x, 0), 1)),
    'aten::squeeze.dim over dimension 1 cannot be exported: its size is the number of images.',
  ],
];

for (const [name, computation, message] of refused) {
  test(`${name} is refused in one sentence`, () => {
    assert.throws(() => traced(computation, IMAGE), { name: 'ExportError', message });
  });
}
