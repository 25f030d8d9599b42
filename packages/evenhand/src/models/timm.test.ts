// Models against timm itself: see tools/golden_timm.py.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveTensors, loadStateDict, nn, noGrad, ops, scope, type Tensor, tensor } from '@evenhand/torch';
import { createModel } from './catalogue.js';
import { familyOf } from './families.js';
import { assertClose, assertSummary, noise } from './golden.test.helper.js';
import { layerGroups } from './layer-groups.js';
import { type ImageModel, parametersOf } from './model.js';
import { filledTensors, fillTimm, imagesOf, type TimmCase, timmCase, timmCases } from './timm.test.helper.js';

const CLASSES = 7;

/** A model of a case in evaluation mode, with its weights. */
function build(golden: TimmCase, size: readonly [number, number]): ImageModel {
  const { architecture, args, pool } = golden;
  const model = createModel(
    { architecture, args },
    { numClasses: CLASSES, imageSize: size, ...(pool === null ? {} : { pool }) },
  );
  return nn.setTraining(model, false);
}

for (const name of timmCases) {
  const golden = timmCase(name);
  const { architecture, gain, keys, outputs, gradients, groups } = golden;
  const [first, ...others] = outputs;

  test(`${name}: keys, logits, features, gradients and layer groups match timm's`, () => {
    const before = liveTensors();
    const model = build(golden, first!.size);
    const shapes = [...nn.stateDict(model)].map(([key, value]) => [key, value.shape] as const);
    assert.deepEqual(Object.fromEntries(shapes), keys);
    fillTimm(model, gain);
    assertOutputs(name, model, first!);
    assertGradients(model, first!.size, gradients);
    assertGroups(model, groups);
    for (const output of others) {
      if (!familyOf(architecture).fixedSize) {
        assertOutputs(name, model, output);
        continue;
      }
      const resized = build(golden, output.size);
      scope(() => {
        const file = filledTensors(keys, gain);
        loadStateDict(resized, familyOf(architecture).convert?.(file, resized) ?? file);
      });
      assertOutputs(name, resized, output);
      nn.disposeModule(resized);
    }
    nn.disposeModule(model);
    assert.equal(liveTensors(), before, 'tensors are left');
  });
}

function assertOutputs(name: string, model: ImageModel, { size, logits, features }: TimmCase['outputs'][0]): void {
  scope(() =>
    noGrad(() => {
      const x = imagesOf(2, size);
      const pooled = model.forwardFeatures(x);
      assert.deepEqual(pooled.shape, [2, model.featureCount]);
      features.forEach((summary, i) => {
        assertSummary(`${name} at ${size}: features of image ${i}`, ops.select(pooled, 0, i), summary);
      });
      assertClose(model.forward(x), logits.flat(), 3e-4, `${name} at ${size}`);
    }),
  );
}

function assertGradients(model: ImageModel, size: [number, number], gradients: TimmCase['gradients']): void {
  scope(() => {
    const coefficients = tensor(noise('loss', 2 * CLASSES), [2, CLASSES]);
    ops.sum(ops.mul(model.forward(imagesOf(2, size)), coefficients)).backward();
    const parameters = nn.namedParameters(model);
    for (const [key, expected] of Object.entries(gradients)) {
      assertSummary(`gradient of ${key}`, parameters.get(key)!.grad!, expected, 1e-4);
      parameters.get(key)!.grad = null;
    }
  });
}

function assertGroups(model: ImageModel, groups: TimmCase['groups']): void {
  const names = new Map<Tensor, string>([...nn.namedParameters(model)].map(([key, value]) => [value, key]));
  const withoutDecay = new Set(model.noWeightDecay());
  const own = layerGroups(model).flatMap((parts, depth) =>
    parts
      .flatMap(parametersOf)
      .map((value) => [names.get(value)!, [depth, value.shape.length > 1 && !withoutDecay.has(value)]] as const),
  );
  assert.equal(new Set(own.map(([key]) => key)).size, own.length, 'a parameter is in two groups');
  assert.deepEqual(Object.fromEntries(own), groups);
}
