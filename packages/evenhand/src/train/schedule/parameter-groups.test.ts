import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { keep, nn, ops } from '@evenhand/torch';
import { backboneParameters, createModel, headParameters, layerGroups, parametersOf } from '../../models/index.js';
import { type ConfigLayer, resolveConfig } from '../config/resolve.js';
import { decayGroups, discriminativeGroups } from './parameter-groups.js';

const config = (values: ConfigLayer['values'] = {}) => resolveConfig('competition', [{ source: 'test', values }]);

describe('groups of parameters', () => {
  test('decay on matrices and kernels, not on biases and norms', () => {
    const [kernel, matrix, bias, scale] = [[4, 3, 3, 3], [5, 4], [5], [4]].map((shape) => keep(ops.empty(shape)));
    const groups = decayGroups([kernel!, bias!, matrix!, scale!], 0.5, 0.01);
    assert.deepEqual(
      groups.map(({ learningRate, weightDecay, parameters }) => [learningRate, weightDecay, parameters.length]),
      [
        [0.5, 0.01, 2],
        [0.5, 0, 2],
      ],
    );
    assert.deepEqual(
      groups[0]!.parameters.map(({ shape }) => shape),
      [
        [4, 3, 3, 3],
        [5, 4],
      ],
    );
    assert.equal(decayGroups([bias!], 0.5, 0.01).length, 1);
    for (const each of [kernel, matrix, bias, scale]) each!.dispose();
  });

  for (const name of ['mobilenet_v2', 'efficientnet_b0', 'efficientnet_lite0']) {
    test(`hold each parameter of ${name} once, at the rate of its depth`, () => {
      const model = createModel(name, { numClasses: 3, seed: 1 });
      try {
        const values = { backboneRate: 1e-3, headRate: 1e-2, layerDecay: 0.5, weightDecay: 0.05 };
        const groups = discriminativeGroups(model, config(values));
        const grouped = groups.flatMap(({ parameters }) => parameters);
        assert.equal(new Set(grouped).size, grouped.length);
        assert.deepEqual(new Set(grouped), new Set(nn.parameters(model)));

        const rateOf = new Map(
          groups.flatMap(({ parameters, learningRate }) => parameters.map((p) => [p, learningRate])),
        );
        const decayOf = new Map(
          groups.flatMap(({ parameters, weightDecay }) => parameters.map((p) => [p, weightDecay])),
        );
        for (const each of headParameters(model)) assert.equal(rateOf.get(each), 1e-2);
        const layers = layerGroups(model).slice(0, -1);
        for (const [depth, modules] of layers.entries()) {
          const expected = 1e-3 * 0.5 ** (layers.length - 1 - depth);
          for (const each of modules.flatMap(parametersOf)) assert.equal(rateOf.get(each), expected);
        }
        for (const [key, each] of nn.namedParameters(model)) {
          const decays = key.endsWith('.weight') && each.shape.length > 1;
          assert.equal(decayOf.get(each), decays ? 0.05 : 0, key);
        }
      } finally {
        nn.disposeModule(model);
      }
    });
  }

  test('have one rate for the whole backbone without layer-wise decay', () => {
    const model = createModel('mobilenet_v2', { numClasses: 3, seed: 1 });
    const groups = discriminativeGroups(model, config());
    const backbone = new Set(backboneParameters(model));
    for (const { parameters, learningRate } of groups) {
      for (const each of parameters) assert.equal(learningRate, backbone.has(each) ? 1e-5 : 1e-4);
    }
    nn.disposeModule(model);
  });
});
