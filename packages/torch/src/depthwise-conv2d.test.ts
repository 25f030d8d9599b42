import { test } from 'node:test';
import * as ops from './ops.js';
import { setNumThreads } from './runtime.js';
import { scope } from './scope.js';
import { Generator, type Tensor } from './tensor.js';
import { assertClose } from './testing/assert-close.js';

// evenhand::depthwise_conv2d has a kernel for the gradient of the weights in channels-last float32: for kernels of 5 and 7,
// with strides, channels that fill no block of 16, maps smaller than the kernel. Kernels of 3 are ATen's.
const cases: [image: number[], kernel: number, stride: number, padding: number][] = [
  [[2, 20, 9, 11], 3, 1, 1],
  [[5, 16, 8, 8], 7, 2, 3],
  [[3, 40, 10, 7], 5, 2, 2],
  [[1, 33, 9, 9], 5, 1, 0],
  [[2, 24, 4, 3], 7, 1, 3],
  [[2, 17, 14, 14], 7, 3, 5],
];

for (const [image, kernel, stride, padding] of cases) {
  test(`depthwise_conv2d of [${image}], kernel ${kernel}, stride ${stride}, padding ${padding}, compared with ATen in float64`, () => {
    for (const threads of [1, 8]) scope(() => compare(image, kernel, stride, padding, threads));
  });
}

function compare(image: number[], kernel: number, stride: number, padding: number, threads: number): void {
  setNumThreads(threads);
  const generator = new Generator(3);
  const channels = image[1]!;
  const drawn = [image, [channels, 1, kernel, kernel], [channels]].map((size) => ops.randn(size, { generator }));
  const leaves = (dtype: 'float32' | 'float64') =>
    drawn.map((value) => {
      const memoryFormat = value.shape[0] === image[0] && value.shape.length === 4 ? 'channelsLast' : 'contiguous';
      const leaf = ops.to(value, { dtype, copy: true, memoryFormat });
      leaf.requiresGrad = true;
      return leaf;
    }) as [Tensor, Tensor, Tensor];
  const [ours, atens] = [leaves('float32'), leaves('float64')];
  const output = ops.depthwiseConv2d(...ours, stride, padding);
  const expected = ops.conv2d(...atens, stride, padding, 1, channels);
  const cotangent = ops.randn(output.shape, { generator });
  output.backward(cotangent);
  expected.backward(ops.to(cotangent, { dtype: 'float64' }));
  const close = (actual: Tensor, reference: Tensor, name: string) =>
    assertClose(actual, ops.to(reference, { dtype: 'float32' }), { rtol: 1e-5, atol: 3e-5, name });
  close(output, expected, 'output');
  for (const [i, name] of ['input', 'weight', 'bias'].entries()) close(ours[i]!.grad!, atens[i]!.grad!, name);
}
