import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { noGrad } from './modes.js';
import * as ops from './ops.js';
import { setNumThreads } from './runtime.js';
import { scope } from './scope.js';
import { Generator, type Tensor } from './tensor.js';
import { assertClose, type Tolerance } from './testing/assert-close.js';
import { type GoldenTensor, makeTensor, readGolden, testedDevices, toleranceOn, valuesOf } from './testing/golden.js';

// evenhand::batch_norm_act has two implementations: a kernel for channels-last float32 on the CPU, and ATen's operations
// for anything else. Each test runs both.

const answerNames = ['output', 'input', 'weight', 'bias', 'mean', 'var'] as const;
const activations = ['none', 'silu', 'relu', 'relu6', 'hardswish', 'sigmoid'] as const;
const layouts = ['contiguous', 'channelsLast'] as const;

interface Inputs {
  channels: number;
  /** Added to every input, so it is about the mean of each channel. */
  shift: number;
  given: Record<'input' | 'weight' | 'bias' | 'mean' | 'var' | 'cotangent', GoldenTensor>;
  results: { activation: string; training: boolean; answers: Record<(typeof answerNames)[number], GoldenTensor> }[];
}

/** The output, the gradients of input, weight and bias, and the running statistics afterwards. */
function runBatchNormAct(
  { input, weight, bias, mean, variance, cotangent }: Record<string, Tensor>,
  training: boolean,
  activation: string,
): Record<(typeof answerNames)[number], Tensor> {
  const y = ops.batchNormAct(input!, weight!, bias!, mean!, variance!, training, 0.1, 1e-3, activation);
  y.backward(cotangent!);
  return { output: y, input: input!.grad!, weight: weight!.grad!, bias: bias!.grad!, mean: mean!, var: variance! };
}

const { inputs } = readGolden<{ inputs: Inputs[] }>('ops/batch-norm-act.json.gz');

for (const device of testedDevices) {
  for (const layout of layouts) {
    describe(`batch_norm_act, ${layout}, on ${device}`, () => {
      for (const { channels, shift, given, results } of inputs) {
        for (const { activation, training, answers } of results) {
          const mode = training ? 'training' : 'evaluation';
          const about = shift > 0 ? ` of mean ${shift}` : '';
          test(`${activation} in ${mode}, ${channels} channels${about}, compared with PyTorch's two operations`, () =>
            scope(() => {
              const leaf = (name: keyof Inputs['given'], grad: boolean): Tensor =>
                makeTensor({ ...given[name], grad }, device);
              const [mean, variance] = [leaf('mean', false), leaf('var', false)];
              const results = runBatchNormAct(
                {
                  input: inLayout(leaf('input', false), layout),
                  weight: leaf('weight', true),
                  bias: leaf('bias', true),
                  mean,
                  variance,
                  cotangent: leaf('cotangent', false),
                },
                training,
                activation,
              );
              assert.equal(results.output.memoryFormat, channels === 1 ? results.output.memoryFormat : layout);
              for (const name of answerNames) {
                assertClose(results[name], valuesOf(answers[name]), { ...tolerance(shift, device), name });
              }
            }));
        }
      }
    });
  }
}

// At a mean of 1000 and a standard deviation of 2, a float32 has four digits of the deviation, so x * scale + offset
// cannot have more. A variance computed as E[x^2] - E[x]^2 would have none.
function tolerance(shift: number, device: string): Tolerance {
  if (device !== 'cpu') return toleranceOn(device);
  return shift > 0 ? { rtol: 1e-4, atol: 1e-3 } : { rtol: 1e-5, atol: 1e-5 };
}

function inLayout(x: Tensor, memoryFormat: (typeof layouts)[number]): Tensor {
  const leaf = noGrad(() => ops.contiguous(x, { memoryFormat }));
  leaf.requiresGrad = true;
  return leaf;
}

// The golden inputs fit into one block of rows. These need many blocks, several threads and a remainder.
for (const shape of [
  [3, 24, 37, 11],
  [1300, 5, 1, 1],
  [2, 40, 1, 1],
]) {
  for (const training of [true, false]) {
    test(`batch_norm_act of [${shape}] in ${training ? 'training' : 'evaluation'}, compared with ATen in float64`, () =>
      scope(() => {
        const generator = new Generator(3);
        const channels = shape[1]!;
        const draw = (size: readonly number[]): Tensor => ops.randn(size, { generator });
        const drawn = {
          input: ops.addScalar(ops.mulScalar(draw(shape), 3), 2),
          weight: draw([channels]),
          bias: draw([channels]),
          mean: draw([channels]),
          variance: ops.addScalar(ops.abs(draw([channels])), 0.5),
          cotangent: draw(shape),
        };
        for (const activation of activations) {
          const [ours, atens] = [prepared(drawn, 'float32'), prepared(drawn, 'float64')];
          const results = runBatchNormAct(ours, training, activation);
          const expected = runBatchNormAct(atens, training, activation);
          for (const name of answerNames) {
            const reference = ops.to(expected[name], { dtype: 'float32' });
            // Gradients of weight and bias are sums over thousands of rows.
            assertClose(results[name], reference, { rtol: 1e-4, atol: 1e-4, name: `${activation} ${name}` });
          }
        }
      }));
  }
}

function prepared(drawn: Record<string, Tensor>, dtype: 'float32' | 'float64'): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(drawn).map(([name, value]) => {
      const memoryFormat = value.shape.length === 4 ? 'channelsLast' : 'contiguous';
      const copy = ops.to(value, { dtype, copy: true, memoryFormat });
      copy.requiresGrad = ['input', 'weight', 'bias'].includes(name);
      return [name, copy];
    }),
  );
}

test('the same number of threads always gives the same bits', () => {
  scope(() => {
    setNumThreads(2);
    const generator = new Generator(5);
    const x = ops.contiguous(ops.randn([4, 6, 32, 32], { generator }), { memoryFormat: 'channelsLast' });
    const cotangent = ops.randn([4, 6, 32, 32], { generator });
    const once = (): Record<string, Tensor> => {
      const [weight, bias, mean, variance] = [ops.ones([6]), ops.zeros([6]), ops.zeros([6]), ops.ones([6])];
      return runBatchNormAct(prepared({ input: x, weight, bias, mean, variance, cotangent }, 'float32'), true, 'silu');
    };
    const first = once();
    for (let i = 0; i < 5; i++) {
      const again = once();
      for (const name of answerNames) assert.ok(ops.equal(first[name]!, again[name]!), name);
    }
  });
});

for (const layout of layouts) {
  test(`one value per channel is refused in training, where it has no variance, and normalized in evaluation (${layout})`, () =>
    scope(() => {
      const x = inLayout(ops.ones([1, 3, 1, 1]), layout);
      const [weight, bias, mean, variance] = [ops.ones([3]), ops.zeros([3]), ops.zeros([3]), ops.full([3], 4.5)];
      assert.throws(
        () => ops.batchNormAct(x, weight, bias, mean, variance, true, 0.1, 0, 'relu'),
        /more than one value per channel.*float32\[1,3,1,1\]/,
      );
      assert.ok(ops.equal(mean, ops.zeros([3])), 'the statistics have not changed');
      const y = ops.batchNormAct(x, weight, bias, mean, variance, false, 0.1, 0, 'relu');
      assertClose(y, ops.full([1, 3, 1, 1], Math.sqrt(1 / 4.5)));
    }));
}

// Autocast produces 16-bit inputs, for which some versions of libtorch lack the gradient of some activations.
for (const activation of activations) {
  test(`${activation} of bfloat16 has a gradient close to that of float32`, () =>
    scope(() => {
      const [exact, rounded] = (['float32', 'bfloat16'] as const).map((dtype) => {
        const vector = (value: number): Tensor => ops.full([3], value, { dtype: 'float32' });
        const x = ops.randn([4, 3, 5, 5], { generator: new Generator(3) });
        const leaf = ops.to(ops.mulScalar(x, 4), { dtype });
        leaf.requiresGrad = true;
        const y = ops.batchNormAct(leaf, vector(2), vector(1), vector(0), vector(1), true, 0.1, 1e-3, activation);
        assert.equal(y.dtype, dtype);
        y.backward(ops.to(ops.randn([4, 3, 5, 5], { generator: new Generator(4) }), { dtype }));
        return Array.from(leaf.grad!.toArray(), Number);
      });
      const off = Math.max(...exact!.map((each, i) => Math.abs(each - rounded![i]!)));
      assert.ok(off < 0.05 * Math.max(...exact!.map(Math.abs)), `off by ${off}`);
    }));
}

test('the error for an unknown activation names it', () => {
  scope(() => {
    const one = ops.ones([1]);
    assert.throws(
      () => ops.batchNormAct(ops.ones([2, 1, 2, 2]), one, one, one, one, false, 0.1, 0, 'gelu'),
      /activation must be one of none, silu, .*, got gelu/,
    );
  });
});
