import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { autocast } from '../modes.js';
import { scope } from '../scope.js';
import { tensor } from '../tensor.js';
import { assertClose } from '../testing/assert-close.js';
import {
  copyValues,
  type GoldenTensor,
  makeTensor,
  readGolden,
  testedDevices,
  toleranceOn,
  valuesOf,
} from '../testing/golden.js';
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  ConvNormActivation,
  Dropout,
  disposeModule,
  Flatten,
  GELU,
  Hardswish,
  LayerNorm,
  LayerNorm2d,
  Linear,
  MaxPool2d,
  type Module,
  moveTo,
  namedParameters,
  QuickGELU,
  ReLU,
  ReLU6,
  Sequential,
  Sigmoid,
  SiLU,
  SqueezeExcitation,
  setTraining,
  stateDict,
} from './index.js';
import { hasPoolingFault } from './pooling.js';

// The expected results and keys are those of PyTorch and torchvision, from tools/golden_nn.py.
interface LayerCase {
  name: string;
  training: boolean;
  state: Record<string, GoldenTensor>;
  input: GoldenTensor;
  output: GoldenTensor;
  cotangent: GoldenTensor;
  /** Gradients of `input` and of each parameter. */
  gradients: Record<string, GoldenTensor>;
  /** The buffers after the forward pass. */
  buffers: Record<string, GoldenTensor>;
}

const builders: Record<string, () => Module> = {
  conv2d: () => new Conv2d(4, 3, 3),
  'conv2d strided': () => new Conv2d(4, 3, [3, 2], { stride: [2, 1], padding: [1, 0], bias: false }),
  'conv2d dilated': () => new Conv2d(4, 3, 2, { dilation: 2 }),
  'conv2d groups': () => new Conv2d(4, 6, 3, { groups: 2, padding: 1 }),
  'conv2d depthwise': () => new Conv2d(4, 4, 5, { stride: 2, groups: 4, padding: 2, bias: false }),
  'conv2d same': () => new Conv2d(4, 3, 4, { padding: 'same' }),
  linear: () => new Linear(5, 3),
  'linear without bias': () => new Linear(5, 3, { bias: false }),
  'batchNorm training': () => new BatchNorm2d(4),
  'batchNorm settings': () => new BatchNorm2d(4, { eps: 1e-3, momentum: 0.01 }),
  'batchNorm evaluation': () => new BatchNorm2d(4),
  SiLU: () => new SiLU(),
  ReLU: () => new ReLU(),
  ReLU6: () => new ReLU6(),
  Hardswish: () => new Hardswish(),
  Sigmoid: () => new Sigmoid(),
  layerNorm: () => new LayerNorm(5),
  'layerNorm settings': () => new LayerNorm(4, { eps: 1e-2 }),
  'layerNorm without bias': () => new LayerNorm(5, { eps: 1e-6, bias: false }),
  layerNorm2d: () => new LayerNorm2d(4, { eps: 1e-6 }),
  GELU: () => new GELU(),
  'GELU tanh': () => new GELU('tanh'),
  quickGELU: () => new QuickGELU(),
  adaptiveAvgPool2d: () => new AdaptiveAvgPool2d(1),
  'adaptiveAvgPool2d two sizes': () => new AdaptiveAvgPool2d([3, 2]),
  avgPool2d: () => new AvgPool2d(2),
  'avgPool2d strided': () => new AvgPool2d(3, { stride: 2, padding: 1 }),
  maxPool2d: () => new MaxPool2d(2),
  'maxPool2d strided': () => new MaxPool2d(3, { stride: 2, padding: 1 }),
  flatten: () => new Flatten(),
  'dropout evaluation': () => new Dropout(0.5),
  squeezeExcitation: () => new SqueezeExcitation(4, 2),
  'squeezeExcitation activations': () => new SqueezeExcitation(4, 3, { activation: new SiLU(), gate: new Hardswish() }),
  convNormActivation: () => new ConvNormActivation(4, 6),
  'convNormActivation depthwise': () =>
    new ConvNormActivation(4, 4, { kernelSize: 5, stride: 2, groups: 4, activation: new SiLU() }),
  'convNormActivation linear': () => new ConvNormActivation(4, 6, { kernelSize: 1, activation: null }),
  sequential: () =>
    new Sequential(
      new Conv2d(4, 6, 3, { stride: 2, padding: 1, bias: false }),
      new BatchNorm2d(6),
      new SiLU(),
      new Sequential(new Conv2d(6, 6, 1), new BatchNorm2d(6, { eps: 1e-3, momentum: 0.01 })),
      new Hardswish(),
      new AdaptiveAvgPool2d(1),
      new Flatten(),
      new Linear(6, 3),
    ),
};

test('the wrong gradients of average pooling on CUDA are avoided in the versions of libtorch that have them', () => {
  const versions = ['1.13.1', '2.0.0', '2.13.1', '2.14.0', '3.0.0'];
  assert.deepEqual(
    versions.map((version) => hasPoolingFault('cuda:0', version)),
    [true, true, true, false, false],
  );
  assert.equal(hasPoolingFault('cpu', '2.0.0'), false);
});

const { layers } = readGolden<{ layers: LayerCase[] }>('nn/nn.json.gz');

test('the layers here are those of the golden file', () => {
  assert.deepEqual(layers.map(({ name }) => name).sort(), Object.keys(builders).sort());
});

for (const device of testedDevices) {
  for (const memoryFormat of ['contiguous', 'channelsLast'] as const) {
    describe(`layers, ${memoryFormat}, on ${device}`, () => {
      for (const layer of layers) test(layer.name, () => scope(() => check(layer, device, memoryFormat)));
    });
  }
}

function check(golden: LayerCase, device: string, memoryFormat: 'contiguous' | 'channelsLast'): void {
  const layer = builders[golden.name]!();
  copyValues(stateDict(layer), golden.state);
  setTraining(moveTo(layer, { device, memoryFormat }), golden.training);
  const strides = memoryFormat === 'channelsLast' ? [0, 1] : [];
  const input = makeTensor({ ...golden.input, grad: true, strides }, device);
  const output = layer.forward(input);
  // Sums of hundreds of products. With another memory format, they are added in another order than in the golden file.
  const tolerance = { rtol: 1e-5, atol: 2e-5, ...toleranceOn(device) };
  assertClose(output, valuesOf(golden.output), { ...tolerance, name: 'output' });

  output.backward(makeTensor(golden.cotangent, device));
  const inputs = new Map([['input', input], ...namedParameters(layer)]);
  assert.deepEqual([...inputs.keys()], Object.keys(golden.gradients));
  for (const [key, tensor] of inputs) {
    assertClose(tensor.grad!, valuesOf(golden.gradients[key]!), { ...tolerance, name: `gradient of ${key}` });
  }
  const tensors = stateDict(layer);
  for (const [key, buffer] of Object.entries(golden.buffers)) {
    assertClose(tensors.get(key)!, valuesOf(buffer), { ...tolerance, name: key });
  }
  disposeModule(layer);
}

test('LayerNorm computes 16-bit input in float32 under autocast, with gradients', () => {
  scope(() => {
    const norm = new LayerNorm(2);
    const [linear, x] = [new Linear(2, 2), tensor([[1, 2]])];
    const output = autocast({ device: 'cpu', dtype: 'bfloat16' }, () => {
      const hidden = linear.forward(x);
      assert.equal(hidden.dtype, 'bfloat16');
      return norm.forward(hidden);
    });
    assert.equal(output.dtype, 'float32');
    output.backward(tensor([[1, 0]]));
    assertClose(norm.weight.grad!, tensor([output.toArray()[0] as number, 0]), {
      rtol: 1e-5,
      atol: 1e-5,
      name: 'gradient',
    });
    for (const layer of [norm, linear]) disposeModule(layer);
  });
});
