import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TorchError } from './errors.js';
import { autocast } from './modes.js';
import { native } from './native.js';
import { op } from './op.js';
import * as ops from './ops.js';
import { liveTensors } from './scope.js';
import { fromBytes, Generator, Tensor, tensor } from './tensor.js';

/** The function as a program without types can call it. */
const untyped = (call: unknown) => call as (...args: unknown[]) => Tensor;
const x = ops.ones([2, 4, 8, 8]);
const w = ops.ones([5, 3, 3, 3]);

test('the error for a wrong shape names the operation and the shapes and has no backtrace', () => {
  assert.throws(
    () => ops.conv2d(x, w),
    (error: TorchError) => {
      assert.ok(error instanceof TorchError && error instanceof Error);
      assert.equal(error.code, 'TORCH_OPERATION_FAILED');
      assert.equal(error.op, 'conv2d');
      assert.match(error.schema, /^aten::conv2d\(Tensor input, /);
      assert.match(
        error.message,
        /^conv2d: .*to have 3 channels, but got 4.*\(input float32\[2,4,8,8\], weight float32\[5,3,3,3\]\)$/,
      );
      assert.doesNotMatch(error.message, /\n|frame #|Exception raised/);
      return true;
    },
  );
  assert.throws(() => ops.matmul(tensor([[1, 2]]), tensor([[1, 2]])), {
    message: /^matmul: .*1x2.*\(self float32\[1,2\], other float32\[1,2\]\)$/,
  });
});

test('the error for a wrong argument names it, what was expected and what was given', () => {
  const cases: [() => unknown, string][] = [
    [() => untyped(ops.conv2d)(x, 'w'), `conv2d: argument 'weight' (Tensor) must be a Tensor, got the string "w"`],
    [() => untyped(ops.conv2d)(x), `conv2d: argument 'weight' (Tensor) must be a Tensor, got undefined`],
    [
      () => ops.conv2d(x, w, null, [1, 1.5]),
      `conv2d: element 1 of argument 'stride' (int[2]) must be an integer, got 1.5`,
    ],
    [() => untyped(ops.conv2d)(x, w, 3), `conv2d: argument 'bias' (Tensor?) must be a Tensor, got 3`],
    [() => untyped(ops.conv2d)(x, w, null, 1, 0, 1, 1, 1, 1), 'conv2d: takes at most 7 arguments, got 9'],
    [() => untyped(ops.dropout)(x, '1', true), `dropout: argument 'p' (float) must be a number, got the string "1"`],
    [() => untyped(ops.dropout)(x, 0.5, 1), `dropout: argument 'train' (bool) must be true or false, got 1`],
    [
      () => untyped(ops.cat)([x, {}]),
      `cat: element 1 of argument 'tensors' (Tensor[]) must be a Tensor, got an object`,
    ],
    [() => untyped(ops.cat)(x), `cat: argument 'tensors' (Tensor[]) must be an array, got a Tensor`],
    [
      () => untyped(ops.zeros)([2], { dtypes: 'int8' }),
      `zeros: unknown option 'dtypes'; the options are dtype, layout, device, pinMemory`,
    ],
    [() => untyped(ops.zeros)([2], 'int8'), 'zeros: the options must be an object, got the string "int8"'],
    [
      () => untyped(ops.zeros)([2], { device: 'gpu' }),
      `zeros: argument 'device' (Device?) must be a device such as 'cpu' or 'cuda:0', got the string "gpu"`,
    ],
  ];
  for (const [call, message] of cases) assert.throws(call, { name: 'TorchError', code: 'TORCH_BAD_ARGUMENT', message });
  assert.throws(
    () => untyped(ops.to)(x, { dtype: 'float' }),
    /'dtype' \(ScalarType\?\) must be one of float32, .*, got the string "float"/,
  );
  assert.throws(
    () => untyped(ops.contiguous)(x, { memoryFormat: 'nhwc' }),
    /must be one of contiguous, channelsLast, preserve/,
  );
});

test('typed arrays, shapes and nested numbers that do not match are refused', () => {
  const cases: [() => unknown, RegExp][] = [
    [() => tensor(new Float32Array(3), [2, 2]), /data has 3 float32 elements, but the shape needs 4/],
    [() => tensor(new Float32Array(3), [-3]), /negative or too large size: -3/],
    [() => tensor(new Float32Array(0), [2 ** 40, 2 ** 40]), /too large size/],
    [() => fromBytes(new Uint8Array(7), [2], 'float32'), /but the shape needs 2/],
    [() => tensor([[1, 2], [3]]), /ragged arrays: expected 2 items at depth 1/],
    [() => untyped(tensor)(['1']), /expected a number at depth 1, got "1"/],
    [() => untyped(tensor)(new Float32Array(1)), /needs a shape/],
    [() => untyped(tensor)(new Uint32Array(1), [1]), /got Uint32Array/],
    [() => tensor([1, 2]).toArray(new Float32Array(3)), /the target has 3 float32 elements, but the shape needs 2/],
    [() => tensor([1, 2]).item(), /item\(\) needs a tensor with one element, got float32\[2\]/],
    [() => autocast({ device: 'tpu' }, () => 1), /device/],
    [() => new Generator(-1), /seed must not be negative/],
  ];
  for (const [call, message] of cases) assert.throws(call, { code: 'TORCH_BAD_ARGUMENT', message });
});

test('backward explains why there is no gradient', () => {
  assert.throws(() => tensor(1).backward(), {
    code: 'TORCH_BAD_ARGUMENT',
    message: /^backward: the tensor float32\[\] has no gradient/,
  });
  const v = tensor([1, 2], { requiresGrad: true });
  assert.throws(() => ops.mulScalar(v, 2).backward(), /more than one element needs a gradient/);
  const loss = ops.sum(v);
  loss.backward();
  assert.throws(() => ops.sum(ops.mul(v, v)).backward(tensor([1, 2, 3])), {
    message: 'backward: the gradient of float32[] must have the same shape, got float32[3]',
  });
});

test('an unknown operation and lack of memory have their own codes', () => {
  assert.throws(() => op('aten::no_such_thing(Tensor self) -> Tensor')(x), {
    code: 'TORCH_UNKNOWN_OPERATOR',
    message: 'the loaded libtorch has no operation aten::no_such_thing',
  });
  assert.throws(() => ops.zeros([1e7, 1e7]), { code: 'TORCH_OUT_OF_MEMORY', op: 'zeros' });
});

// Without the check of the type, the memory of another object would be read as a tensor, and the process would crash.
test('a wrong receiver never crashes the process', () => {
  const getter = (name: string) => Object.getOwnPropertyDescriptor(Tensor.prototype, name)!.get!;
  const impostors = [
    {},
    null,
    1,
    new Generator(1),
    Object.create(Tensor.prototype),
    Object.create(x),
    new Proxy(x, {}),
    Tensor,
  ];
  for (const impostor of impostors) {
    for (const name of ['shape', 'dtype', 'requiresGrad', 'grad', 'disposed']) {
      assert.throws(() => getter(name).call(impostor), { code: 'TORCH_BAD_ARGUMENT' });
    }
    assert.throws(() => Tensor.prototype.dispose.call(impostor), { code: 'TORCH_BAD_ARGUMENT' });
    assert.throws(() => untyped(ops.abs)(impostor), { code: 'TORCH_BAD_ARGUMENT' });
  }
  assert.throws(() => new Tensor(), { code: 'TORCH_BAD_ARGUMENT', message: /cannot be created with 'new Tensor\(\)'/ });
  assert.throws(() => Tensor.call(x as never), TypeError);
  assert.throws(() => native().call(1e6), { code: 'TORCH_BAD_ARGUMENT' });
  assert.throws(() => untyped(native().call)('add'), { code: 'TORCH_BAD_ARGUMENT' });
});

test('a failed call leaks no tensor', () => {
  const before = liveTensors();
  for (let i = 0; i < 50; i++) assert.throws(() => ops.conv2d(x, w));
  assert.equal(liveTensors(), before);
});
