import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveTensors, nn, noGrad, ops, scope, type Tensor, tensor } from '@evenhand/torch';
import { createModel, modelInfo } from './catalogue.js';
import { EFFICIENTNETS, EfficientNet } from './families/efficientnet.js';
import { assertClose, assertSummary, fillModel, golden, images, noise, type Summary } from './golden.test.helper.js';
import { backboneParameters, headParameters } from './head.js';
import { layerGroups } from './layer-groups.js';
import { parametersOf } from './model.js';

interface Logits {
  parameters: number;
  gain: number;
  cases: { size: number; logits: number[][] }[];
}
interface Settings {
  norm: [eps: number, momentum: number][];
  dropout: number[];
  stochastic_depth: number[];
}
interface Training {
  size: number;
  logits: number[][];
  gradients: Record<string, Summary>;
  buffers: Record<string, Summary>;
}

const LOGITS = golden<Record<string, Logits>>('logits.json');
const KEYS = golden<Record<string, Record<string, number[]>>>('keys.json.gz');

/** Too large for every run. */
const LARGE = ['efficientnet_v2_m', 'efficientnet_v2_l'];
const skip = (name: string) =>
  LARGE.includes(name) && !process.env.EVENHAND_TEST_ALL ? 'needs npm test -- --all' : false;

for (const name of Object.keys(LOGITS)) {
  const { gain, cases, parameters } = LOGITS[name]!;

  test(`${name}: keys, shapes, parameter count and logits match the reference implementation`, {
    skip: skip(name),
  }, () => {
    const before = liveTensors();
    const model = createModel(name, { numClasses: 7 });
    const shapes = new Map([...nn.stateDict(model)].map(([key, value]) => [key, value.shape]));
    assert.deepEqual(Object.fromEntries(shapes), KEYS[name]);

    const count = nn.countParameters(model);
    const headPerClass = model.featureCount + 1;
    assert.equal(count + (1000 - 7) * headPerClass, parameters);
    assert.equal(modelInfo(name).parameters, parameters);

    fillModel(model, gain);
    nn.setTraining(model, false);
    for (const { size, logits } of cases) {
      scope(() =>
        noGrad(() => {
          const x = images(2, size);
          // oneDNN chooses its kernels by the processor: the golden logits are from a Xeon, an EPYC differs by 1.2e-4
          assertClose(model.forward(x), logits.flat(), 3e-4, `${name} at ${size}`);
          assert.deepEqual(model.forwardFeatures(x).shape, [2, model.featureCount]);
        }),
      );
    }
    nn.disposeModule(model);
    assert.equal(liveTensors(), before);
  });
}

for (const name of ['efficientnet_b0', 'mobilenet_v2', 'efficientnet_lite0']) {
  test(`${name}: logits are the same in channels-last memory`, () => {
    const model = createModel(name, { numClasses: 7 });
    const { gain, cases } = LOGITS[name]!;
    fillModel(model, gain);
    nn.setTraining(model, false);
    scope(() =>
      noGrad(() => {
        nn.moveTo(model, { memoryFormat: 'channelsLast' });
        const { size, logits } = cases[0]!;
        const x = ops.contiguous(images(2, size), { memoryFormat: 'channelsLast' });
        // libtorch 2.6 adds the depthwise products in another order, and differs by 1.4e-4
        assertClose(model.forward(x), logits.flat(), 5e-4, name);
        assert.equal((layerGroups(model)[0]![0] as nn.Module).forward(x).memoryFormat, 'channelsLast');
      }),
    );
    nn.disposeModule(model);
  });
}

for (const name of Object.keys(LOGITS)) {
  test(`${name}: every parameter receives a gradient, and belongs to one layer group`, { skip: skip(name) }, () => {
    const model = createModel(name, { numClasses: 7, seed: 1 });
    scope(() => {
      // a block that is dropped for all 8 images would have no gradient, which is very unlikely
      ops.sum(ops.mul(model.forward(images(8, 32)), coefficients(8))).backward();
      for (const [key, parameter] of nn.namedParameters(model)) {
        assert.ok(parameter.grad, `${key} has no gradient`);
        const norm = ops.vectorNorm(parameter.grad).item();
        // the shift of a norm whose effect the next batch normalisation removes has no gradient except rounding
        const mayVanish = key.endsWith('bias');
        assert.ok(Number.isFinite(norm) && (norm > 0 || mayVanish), `${key} has a gradient of norm ${norm}`);
      }
    });
    const grouped = layerGroups(model).flatMap((group) => group.flatMap(parametersOf));
    assert.equal(new Set(grouped).size, grouped.length);
    assert.deepEqual(new Set(grouped), new Set(nn.parameters(model)));
    assert.deepEqual(new Set([...backboneParameters(model), ...headParameters(model)]), new Set(grouped));
    assert.equal(headParameters(model).length, 2);
    nn.disposeModule(model);
  });
}

for (const [name, expected] of Object.entries(golden<Record<string, Settings>>('settings.json'))) {
  test(`${name}: dropout, stochastic depth and batch normalisation match torchvision`, { skip: skip(name) }, () => {
    const model = createModel(name, { numClasses: 7 });
    const all = nn.modules(model);
    const norms = all.filter((each) => each instanceof nn.BatchNorm2d);
    for (const { eps, momentum } of norms) assert.deepEqual([[eps, momentum]], expected.norm);
    const dropout = all.filter((each) => each instanceof nn.Dropout).map((each) => each.p);
    assert.deepEqual(dropout.length > 0 ? dropout : [model.dropout], expected.dropout);
    assert.deepEqual(
      all.filter((each) => each instanceof nn.StochasticDepth).map((each) => each.p),
      expected.stochastic_depth,
    );
    nn.disposeModule(model);
  });
}

test('efficientnet_b0 in training mode: logits, gradients and running statistics match PyTorch', () => {
  const { size, logits, gradients, buffers } = golden<Training>('training.json');
  const config = { ...EFFICIENTNETS.efficientnet_b0, dropout: 0, stochasticDepth: 0 };
  const model = new EfficientNet(config, 7);
  fillModel(model, 1);
  scope(() => {
    const output = model.forward(images(4, size));
    assertClose(output, logits.flat(), 1e-4, 'logits');
    ops.sum(ops.mul(output, coefficients(4))).backward();
    const parameters = nn.namedParameters(model);
    assert.deepEqual([...parameters.keys()].sort(), Object.keys(gradients).sort());
    for (const [key, expected] of Object.entries(gradients)) {
      assertSummary(key, parameters.get(key)!.grad!, expected, 1e-4);
    }
    const entries = nn.stateDict(model);
    for (const [key, expected] of Object.entries(buffers)) assertSummary(key, entries.get(key)!, expected);
  });
  nn.disposeModule(model);
});

/** Random weights [count,7] that turn logits into a loss. */
function coefficients(count: number): Tensor {
  return tensor(noise('loss', count * 7), [count, 7]);
}

for (const name of ['efficientnet_b0', 'mobilenet_v2', 'mobilenet_v3_small']) {
  test(`${name}: a seed gives the same initial parameters as in torchvision`, () => {
    const model = createModel(name, { numClasses: 7, seed: 0 });
    const parameters = nn.namedParameters(model);
    const expected = golden<Record<string, Record<string, Summary>>>('initial.json')[name]!;
    for (const [key, summary] of Object.entries(expected)) assertSummary(key, parameters.get(key)!, summary);
    for (const [key, parameter] of parameters) {
      if (key.endsWith('bias'))
        assert.ok(
          parameter.toArray().every((x) => x === 0),
          key,
        );
    }
    nn.disposeModule(model);
  });
}

test('efficientnet_lite0: the fan-out of a depthwise kernel is one channel', () => {
  const model = createModel('efficientnet_lite0', { numClasses: 7, seed: 0 });
  const weights = nn.namedParameters(model).get('blocks.5.1.conv_dw.weight')!.toArray() as Float32Array;
  const deviation = Math.sqrt(weights.reduce((sum, x) => sum + x * x, 0) / weights.length);
  assert.ok(Math.abs(deviation / Math.sqrt(2 / 25) - 1) < 0.05, `standard deviation ${deviation}`);
  nn.disposeModule(model);
});
