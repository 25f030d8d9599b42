import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ops from '../ops.js';
import { SGD } from '../optim/index.js';
import { liveTensors, scope } from '../scope.js';
import type { Tensor } from '../tensor.js';
import { assertClose } from '../testing/assert-close.js';
import {
  BatchNorm2d,
  buffer,
  Conv2d,
  constant,
  countParameters,
  disposeModule,
  Linear,
  Module,
  modules,
  moveTo,
  namedParameters,
  parameter,
  parameters,
  ReLU,
  Sequential,
  setRequiresGrad,
  setTraining,
  stateDict,
} from './index.js';

class Residual extends Module {
  readonly skipScale = parameter(ops.ones([1]));
  readonly branch = new Sequential(new Conv2d(2, 2, 3, { padding: 1, bias: false }), new BatchNorm2d(2), new ReLU());
  /** No role: neither trained nor saved. */
  readonly scratch = ops.ones([3]);

  override forward(x: Tensor): Tensor {
    return ops.add(ops.mul(x, this.skipScale), this.branch.forward(x));
  }
}

class Network extends Module {
  readonly inputMean = buffer(ops.zeros([2, 1, 1]));
  readonly blocks = [new Residual(), new Residual()];
  readonly head = new Linear(2, 3);
  readonly activation = new ReLU();
  readonly name = 'network';

  override forward(x: Tensor): Tensor {
    const features = this.blocks.reduce((y, block) => block.forward(y), ops.sub(x, this.inputMean));
    return this.head.forward(this.activation.forward(ops.meanDim(features, [2, 3])));
  }
}

const block = (path: string): string[] => [
  `${path}.skip_scale`,
  `${path}.branch.0.weight`,
  ...['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'].map((key) => `${path}.branch.1.${key}`),
];
const isStatistic = (key: string): boolean => /running_|tracked|input_mean/.test(key);

test('keys are field names in snake_case, positions for arrays and Sequential, in order', () => {
  const net = new Network();
  const keys = ['input_mean', ...block('blocks.0'), ...block('blocks.1'), 'head.weight', 'head.bias'];
  assert.deepEqual([...stateDict(net).keys()], keys);
  assert.deepEqual(
    [...namedParameters(net).keys()],
    keys.filter((key) => !isStatistic(key)),
  );
  assert.deepEqual(parameters(net), [...namedParameters(net).values()]);
  assert.equal(stateDict(net).get('blocks.1.branch.0.weight'), (net.blocks[1]!.branch.layers[0] as Conv2d).weight);
  assert.ok([...stateDict(net)].every(([key, { requiresGrad }]) => requiresGrad !== isStatistic(key)));
  // The scale twice, 36 weights, 2 + 2 for BatchNorm; then the head.
  assert.equal(countParameters(net), 2 * (1 + 36 + 4) + 9);
  disposeModule(net);
});

test('modules returns the module itself and all in it, and setTraining switches all of them', () => {
  const net = new Network();
  const kinds = modules(net).map((module) => module.constructor.name);
  const residual = ['Residual', 'Sequential', 'Conv2d', 'BatchNorm2d', 'ReLU'];
  assert.deepEqual(kinds, ['Network', ...residual, ...residual, 'Linear', 'ReLU']);
  assert.ok(modules(net).every(({ training }) => training));
  assert.equal(setTraining(net, false), net);
  assert.ok(modules(net).every(({ training }) => !training));
  setTraining(net.blocks[0]!, true);
  assert.deepEqual([net.training, net.blocks[0]!.branch.training, net.blocks[1]!.training], [false, true, false]);
  disposeModule(net);
});

test('parameters and buffers outlive the scope in which the module was made; other tensors do not', () => {
  const before = liveTensors();
  const net = scope(() => {
    const built = new Network();
    built.forward(ops.ones([2, 2, 4, 4]));
    return { hidden: () => built }; // hidden from the scope, which frees what is not kept
  }).hidden();
  assert.equal(liveTensors(), before + stateDict(net).size);
  assert.deepEqual([net.blocks[0]!.scratch.disposed, net.head.weight.disposed], [true, false]);
  disposeModule(net);
  assert.equal(liveTensors(), before);
});

test('a constant is not saved or trained, but moves with its module and is freed with it', () => {
  class Shifted extends Module {
    readonly layer = new Linear(2, 2);
    readonly shift = constant(ops.ones([2]));

    override forward(x: Tensor): Tensor {
      return ops.add(this.layer.forward(x), this.shift);
    }
  }
  const before = liveTensors();
  const net = scope(() => ({
    hidden: (
      (built) => () =>
        built
    )(new Shifted()),
  })).hidden();
  assert.deepEqual([...stateDict(net).keys()], ['layer.weight', 'layer.bias']);
  assert.equal(countParameters(net), 6);
  assert.deepEqual([net.shift.disposed, net.shift.requiresGrad], [false, false]);
  assert.equal(moveTo(net, { dtype: 'float64' }).shift.dtype, 'float64');
  disposeModule(net);
  assert.equal(liveTensors(), before);
});

test('setRequiresGrad freezes parameters and drops their gradients; frozen ones get no new ones', () => {
  const net = new Network();
  const step = (): void => scope(() => ops.sum(net.forward(ops.ones([2, 2, 4, 4]))).backward());
  step();
  assert.ok(parameters(net).every(({ grad }) => grad !== null));
  setRequiresGrad(net.blocks[0]!, false);
  assert.ok(parameters(net.blocks[0]!).every(({ grad, requiresGrad }) => grad === null && !requiresGrad));
  step();
  assert.ok(parameters(net.blocks[0]!).every(({ grad }) => grad === null));
  assert.equal(countParameters(net), 91, 'frozen parameters count');
  setRequiresGrad(net, true);
  step();
  assert.ok(parameters(net).every(({ grad }) => grad !== null));
  disposeModule(net);
});

test('moveTo changes memory format and type in place: it makes no new tensors, and optimizers keep working', () => {
  const net = new Network();
  const x = ops.ones([2, 2, 4, 4]);
  const before = stateDict(net);
  const expected = setTraining(net, false).forward(x);
  const optimizer = new SGD([{ parameters: parameters(net) }], { learningRate: 0.5 });
  scope(() => ops.sum(net.forward(x)).backward());
  const live = liveTensors();

  assert.equal(moveTo(net, { memoryFormat: 'channelsLast' }), net);
  assert.equal(liveTensors(), live);
  assert.deepEqual([...stateDict(net)], [...before]);
  assert.ok(parameters(net).every(({ grad, requiresGrad }) => grad === null && requiresGrad));
  const convolution = net.blocks[0]!.branch.layers[0] as Conv2d;
  assert.deepEqual([convolution.weight.memoryFormat, convolution.weight.strides], ['channelsLast', [18, 1, 6, 2]]);
  assert.equal(convolution.weight.role, 'parameter');
  assertClose(net.forward(x), expected);

  const weight = [...net.head.weight.toArray()].map(Number);
  scope(() => ops.sum(net.forward(x)).backward());
  optimizer.step();
  assert.ok([...net.head.weight.toArray()].some((value, i) => Number(value) !== weight[i]));

  moveTo(net, { dtype: 'float64' });
  assert.equal(net.head.weight.dtype, 'float64');
  assert.equal(stateDict(net).get('blocks.0.branch.1.num_batches_tracked')!.dtype, 'int64', 'counters stay integers');
  disposeModule(net);
});
