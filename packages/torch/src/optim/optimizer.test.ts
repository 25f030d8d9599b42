import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as ops from '../ops.js';
import { liveTensors, scope } from '../scope.js';
import { type Tensor, tensor } from '../tensor.js';
import { assertClose } from '../testing/assert-close.js';
import { type GoldenTensor, makeTensor, readGolden, testedDevices, valuesOf } from '../testing/golden.js';
import { usesFusedAdamW } from './adamw.js';
import { AdamW, type Optimizer, type ParameterGroupInput, SGD } from './index.js';

/** By group, then by parameter: tools/golden_optim.py. */
type Groups<T> = T[][];

interface OptimizerCase {
  parameters: Groups<GoldenTensor>;
  /** By step. The first leaves one parameter without a gradient. */
  gradients: Groups<GoldenTensor | null>[];
  after: Groups<GoldenTensor>[];
}

const { optimizers } = readGolden<{ optimizers: Record<string, OptimizerCase> }>('optim/optim.json.gz');

type Build = (first: Tensor[], second: Tensor[]) => Optimizer;

const builders: Record<string, Build> = {
  adamw: (first, second) =>
    new AdamW([
      { parameters: first, learningRate: 1e-2, weightDecay: 0.1 },
      { parameters: second, learningRate: 3e-3, weightDecay: 0 },
    ]),
  'adamw betas': (first, second) =>
    new AdamW(
      [
        { parameters: first, learningRate: 0.1 },
        { parameters: second, learningRate: 0.02, weightDecay: 0.5 },
      ],
      { betas: [0.8, 0.95], eps: 1e-4 },
    ),
  sgd: (first, second) =>
    new SGD([
      { parameters: first, learningRate: 0.1 },
      { parameters: second, learningRate: 0.02, weightDecay: 0.1 },
    ]),
  'sgd momentum': (first, second) => new SGD(momentumGroups(first, second), { momentum: 0.9 }),
  'sgd nesterov': (first, second) => new SGD(momentumGroups(first, second), { momentum: 0.9, nesterov: true }),
};

function momentumGroups(first: Tensor[], second: Tensor[]): ParameterGroupInput[] {
  return [
    { parameters: first, learningRate: 0.1, weightDecay: 0.01 },
    { parameters: second, learningRate: 0.02 },
  ];
}

function start(name: string, device = 'cpu'): { optimizer: Optimizer; parameters: Groups<Tensor> } {
  const parameters = optimizers[name]!.parameters.map((group) =>
    group.map((golden) => makeTensor({ ...golden, grad: true }, device)),
  );
  return { optimizer: builders[name]!(parameters[0]!, parameters[1]!), parameters };
}

function step(optimizer: Optimizer, parameters: Groups<Tensor>, gradients: Groups<GoldenTensor | null>): void {
  for (const [g, group] of parameters.entries()) {
    for (const [p, parameter] of group.entries()) {
      const gradient = gradients[g]![p]!;
      parameter.grad = gradient && makeTensor(gradient, parameter.device);
    }
  }
  optimizer.step();
}

const bytesOf = (tensors: Iterable<Tensor>): Uint8Array[] => [...tensors].map((each) => each.toBytes());

test('the optimizers here are those of the golden file', () => {
  assert.deepEqual(Object.keys(optimizers).sort(), Object.keys(builders).sort());
});

for (const device of testedDevices) {
  describe(`optimizers on ${device}`, () => {
    for (const [name, { gradients, after }] of Object.entries(optimizers)) {
      test(`three steps of ${name} with two parameter groups, compared with PyTorch`, () =>
        scope(() => {
          const { optimizer, parameters } = start(name, device);
          for (const [i, expected] of after.entries()) {
            step(optimizer, parameters, gradients[i]!);
            for (const [g, group] of expected.entries()) {
              for (const [p, golden] of group.entries()) {
                // The last bits depend on whether the build fuses multiplication and addition, and CUDA's kernel is another.
                const exact = device === 'cpu' ? { rtol: 1e-6, atol: 1e-7 } : { rtol: 1e-5, atol: 1e-6 };
                const tolerance = { ...exact, name: `step ${i}, parameter ${g}.${p}` };
                assertClose(parameters[g]![p]!, valuesOf(golden), tolerance);
              }
            }
          }
          optimizer.dispose();
        }));

      test(`${name} resumes bit for bit from a saved state`, () =>
        scope(() => {
          const { optimizer, parameters } = start(name, device);
          step(optimizer, parameters, gradients[0]!);
          step(optimizer, parameters, gradients[1]!);
          const copies = parameters.map((group) =>
            group.map((parameter) => makeLeaf(ops.clone(ops.detach(parameter)))),
          );
          const resumed = builders[name]!(copies[0]!, copies[1]!);
          resumed.loadStateDict(optimizer.stateDict());
          for (const gradient of [gradients[2]!, gradients[1]!, gradients[0]!]) {
            step(optimizer, parameters, gradient);
            step(resumed, copies, gradient);
          }
          assert.deepEqual(bytesOf(copies.flat()), bytesOf(parameters.flat()));
          assert.deepEqual(bytesOf(resumed.stateDict().values()), bytesOf(optimizer.stateDict().values()));
          optimizer.dispose();
          resumed.dispose();
        }));
    }
  });
}

function makeLeaf(x: Tensor): Tensor {
  x.requiresGrad = true;
  return x;
}

test('the fused kernel is not used on the CPU', () => {
  assert.equal(usesFusedAdamW('cpu'), false);
});

test('moments keep the memory format of their parameters when a state is loaded', () =>
  scope(() => {
    const make = () => makeLeaf(ops.contiguous(ops.ones([2, 3, 4, 4]), { memoryFormat: 'channelsLast' }));
    const [first, second] = [make(), make()];
    const [optimizer, resumed] = [first, second].map((parameter) => new AdamW([{ parameters: [parameter] }]));
    first.grad = ops.onesLike(first);
    optimizer!.step();
    const saved = [...optimizer!.stateDict()].map(([key, value]) => [key, ops.contiguous(value)] as const);
    resumed!.loadStateDict(new Map(saved));
    assert.deepEqual(resumed!.stateDict().get('0.0.exp_avg')!.strides, first.strides);
    optimizer!.dispose();
    resumed!.dispose();
  }));

test('a parameter without a gradient is not changed and has no state', () =>
  scope(() => {
    const { gradients } = optimizers.adamw!;
    const { optimizer, parameters } = start('adamw');
    const [skipped] = parameters[1]!.slice(1);
    const before = skipped!.toBytes();
    step(optimizer, parameters, gradients[0]!);
    assert.deepEqual(skipped!.toBytes(), before);
    const keys = (key: string): string[] => [`${key}.step`, `${key}.exp_avg`, `${key}.exp_avg_sq`];
    assert.deepEqual([...optimizer.stateDict().keys()], ['0.0', '0.1', '1.0'].flatMap(keys));
    step(optimizer, parameters, gradients[1]!);
    const state = optimizer.stateDict();
    assert.deepEqual(['0.0.step', '1.1.step'].map((key) => state.get(key)!.item()), [2, 1]); // biome-ignore format: a line

    optimizer.zeroGrad();
    assert.ok(parameters.flat().every(({ grad }) => grad === null));
    const after = bytesOf(parameters.flat());
    optimizer.step();
    assert.deepEqual(bytesOf(parameters.flat()), after, 'not even weight decay moves them');
    optimizer.dispose();
  }));

test('the learning rate may change between steps; 0 changes only the state', () =>
  scope(() => {
    const { gradients } = optimizers.adamw!;
    const { optimizer, parameters } = start('adamw');
    optimizer.groups[0]!.learningRate = 0;
    const before = bytesOf(parameters.flat());
    step(optimizer, parameters, gradients[0]!);
    const after = bytesOf(parameters.flat());
    assert.deepEqual(after.slice(0, 2), before.slice(0, 2));
    assert.notDeepEqual(after[2], before[2]);
    optimizer.dispose();
  }));

test('a step and a disposed optimizer leak no tensors', () => {
  const before = liveTensors();
  scope(() => {
    const { gradients } = optimizers.adamw!;
    const { optimizer, parameters } = start('adamw');
    step(optimizer, parameters, gradients[0]!);
    step(optimizer, parameters, gradients[1]!);
    const live = liveTensors();
    optimizer.step();
    assert.equal(liveTensors(), live);
    optimizer.dispose();
    assert.equal(liveTensors(), live - 2 * 4, 'two moments for each of four parameters');
  });
  assert.equal(liveTensors(), before);
});

const without = (state: Map<string, Tensor>, key: string): Map<string, Tensor> =>
  new Map([...state].filter(([name]) => name !== key));

const wrongStates: Record<string, [(state: Map<string, Tensor>) => Map<string, Tensor>, RegExp]> = {
  'without a moment': [(state) => without(state, '0.1.exp_avg_sq'), /has no 0\.1\.exp_avg_sq/],
  'without a step count': [(state) => without(state, '0.0.step'), /unexpected 0\.0\.exp_avg/],
  'of more parameters': [(state) => state.set('1.2.step', tensor(1)), /unexpected 1\.2\.step/],
  'of another shape': [(state) => state.set('0.0.exp_avg', ops.zeros([2, 3])), /0\.0\.exp_avg .*\[2,3\].*\[3,2\]/],
  'of another type': [
    (state) => state.set('0.0.exp_avg', ops.zeros([3, 2], { dtype: 'int64' })),
    /0\.0\.exp_avg .*int64\[3,2\].*float32\[3,2\]/,
  ],
  'of half a step': [(state) => state.set('1.0.step', tensor(1.5)), /1\.0\.step .*1\.5/],
  'of another optimizer': [
    (state) => new Map([...state].filter(([key]) => !key.endsWith('_sq'))),
    /has no 0\.0\.exp_avg_sq/,
  ],
};

for (const [name, [spoil, message]] of Object.entries(wrongStates)) {
  test(`a state ${name} is refused, and nothing is changed`, () =>
    scope(() => {
      const { gradients } = optimizers.adamw!;
      const { optimizer, parameters } = start('adamw');
      step(optimizer, parameters, gradients[0]!);
      step(optimizer, parameters, gradients[1]!);
      const before = bytesOf(optimizer.stateDict().values());
      const copy = [...optimizer.stateDict()].map(([key, each]) => [key, ops.clone(each)] as const);
      assert.throws(() => optimizer.loadStateDict(spoil(new Map(copy))), { code: 'TORCH_BAD_ARGUMENT', message });
      assert.deepEqual(bytesOf(optimizer.stateDict().values()), before);
      optimizer.dispose();
    }));
}

test('an optimizer can load its own state, and an empty one to start again', () =>
  scope(() => {
    const { gradients } = optimizers.adamw!;
    const { optimizer, parameters } = start('adamw');
    step(optimizer, parameters, gradients[1]!);
    const before = bytesOf(optimizer.stateDict().values());
    optimizer.loadStateDict(optimizer.stateDict());
    assert.deepEqual(bytesOf(optimizer.stateDict().values()), before);
    optimizer.loadStateDict(new Map());
    assert.equal(optimizer.stateDict().size, 0);
  }));

test('wrong settings are refused', () => {
  scope(() => {
    const parameters = [makeLeaf(ops.zeros([2]))];
    const refused: [() => unknown, RegExp][] = [
      [() => new AdamW([{ parameters }], { learningRate: -1 }), /learningRate must be a number of at least 0, got -1/],
      [() => new AdamW([{ parameters, weightDecay: Number.NaN }]), /weightDecay must be .* got NaN/],
      [() => new AdamW([{ parameters }], { betas: [0.9, 1] }), /betas must be in \[0, 1\)/],
      [() => new AdamW([{ parameters }], { eps: -1 }), /eps must be/],
      [() => new SGD([{ parameters }], { momentum: -0.1 }), /momentum must be/],
      [() => new SGD([{ parameters }], { nesterov: true }), /nesterov needs a momentum/],
      [() => new SGD([{ parameters }, { parameters }]), /same parameter twice/],
    ];
    for (const [build, message] of refused) assert.throws(build, { code: 'TORCH_BAD_ARGUMENT', message });
  });
});
