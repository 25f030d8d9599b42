import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ops, type Tensor, tensor } from '@evenhand/torch';
import { assertTranslated, type Computation, constant, traced } from './export.test.helper.js';

const IMAGE = [4, 7, 6];
const image = constant([1, 4, 7, 6], 7);

test('a constant is computed when the model runs only if it is large', async () => {
  const operators = async (side: number): Promise<string[]> => {
    const [row, column] = [constant([side], 22), constant([side, 1], 23)];
    const computation = (x: Tensor): Tensor => ops.mulScalar(ops.add(x, ops.mul(row, column)), 2);
    const { nodes } = await assertTranslated(computation, [1, 1], `a side of ${side}`);
    return nodes.map(({ op }) => op);
  };
  assert.deepEqual(await operators(512), ['Add', 'Mul']);
  assert.deepEqual(await operators(513), ['Mul', 'Add', 'Mul']);
});

test('values that nothing reads are left out', async () => {
  const computation = (x: Tensor): Tensor => {
    const [first] = ops.chunk(x, 2, 1) as [Tensor, Tensor];
    ops.tanh(x);
    return ops.contiguous(ops.relu(first));
  };
  const { nodes } = await assertTranslated(computation, IMAGE, 'half of the channels');
  assert.deepEqual(nodes.map(({ op }) => op), ['Slice', 'Relu']); // biome-ignore format: one line
});

const refused: [name: string, computation: Computation, message: string][] = [
  [
    'a factor that depends on the number of images',
    (x) => ops.mulScalar(x, x.shape[0]!),
    'aten::mul.Scalar has arguments that depend on the number of images, which cannot be exported.',
  ],
  [
    'zeros for each image',
    (x) => ops.cat([x, ops.zeros([x.shape[0]!, 4, 7, 6])], 1),
    'aten::zeros makes a tensor whose size depends on the number of images, which cannot be exported: use expand.',
  ],
  [
    'a constant for each image',
    (x) => ops.add(x, tensor(new Float32Array(x.numel), x.shape)),
    'aten::add.Tensor reads a constant whose size depends on the number of images: use expand.',
  ],
  [
    'one more than the number of images',
    (x) => ops.reshape(ops.cat([x, image], 0), [-1, 168]),
    'The argument of aten::reshape has the shape [2,4,7,6] for 1 image and [3,4,7,6] for 2; expected fixed sizes and ' +
      'multiples of the number of images.',
  ],
  [
    'another computation for one image',
    (x) => (x.shape[0] === 1 ? ops.relu(x) : ops.tanh(x)),
    "The model's operations depend on the number of images: for 2 it uses aten::tanh, for 1 aten::relu.",
  ],
  [
    'fewer operations for two images',
    (x) => (x.shape[0] === 1 ? ops.relu(ops.tanh(x)) : ops.tanh(x)),
    "The model's operations depend on the number of images: for 2 it uses nothing, for 1 aten::relu.",
  ],
  ['nothing of the images', () => ops.relu(image), 'The model computes nothing from the images.'],
];

for (const [name, computation, message] of refused) {
  test(`${name} is refused in one sentence`, () => {
    assert.throws(() => traced(computation, IMAGE), { name: 'ExportError', message });
  });
}
