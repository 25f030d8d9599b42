import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ops from '../ops.js';
import { liveTensors, scope } from '../scope.js';
import { type Tensor, tensor } from '../tensor.js';
import { assertClose } from '../testing/assert-close.js';
import { type GoldenTensor, makeTensor, readGolden, valuesOf } from '../testing/golden.js';
import { clipGradNorm, gradNorm } from './index.js';

const { clip } = readGolden<{
  clip: { maxNorm: number; norm: number; before: GoldenTensor[]; after: GoldenTensor[] }[];
}>('optim/optim.json.gz');

function withGradient(gradient: Tensor | null, shape = gradient?.shape ?? [2]): Tensor {
  const leaf = ops.zeros(shape);
  leaf.requiresGrad = true;
  leaf.grad = gradient;
  return leaf;
}

for (const { maxNorm, norm, before, after } of clip) {
  test(`gradients of norm ${norm.toFixed(2)} clipped to ${maxNorm}, compared with PyTorch`, () =>
    scope(() => {
      const parameters = before.map((golden) => withGradient(makeTensor(golden)));
      const live = liveTensors();
      assert.ok(Math.abs(scope(() => gradNorm(parameters).item()) / norm - 1) < 1e-6);
      const returned = scope(() => clipGradNorm([...parameters, withGradient(null)], maxNorm).item());
      assert.ok(Math.abs(returned / norm - 1) < 1e-6, `norm ${returned}`);
      assert.equal(liveTensors(), live);
      for (const [i, parameter] of parameters.entries()) assertClose(parameter.grad!, valuesOf(after[i]!));
    }));
}

test('the factor is computed in double precision, so that clipping gives the bits of a number read by JavaScript', () =>
  scope(() => {
    for (let i = 1; i <= 50; i++) {
      const values = Float32Array.from({ length: 7 }, (_, k) => Math.sin(i * 7 + k) * i);
      const parameter = withGradient(tensor(values, [7]));
      const norm = gradNorm([parameter]).item();
      const expected = ops.mulScalar(tensor(values, [7]), Math.min(1, 0.9 / (norm + 1e-6)));
      clipGradNorm([parameter], 0.9);
      assert.deepEqual(parameter.grad!.toArray(), expected.toArray());
    }
  }));

test('gradients that are not finite are not changed, and their norm is returned', () =>
  scope(() => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const parameters = [withGradient(ops.full([2], bad, { dtype: 'float32' })), withGradient(ops.full([1], 3.5))];
      assert.equal(Number.isFinite(clipGradNorm(parameters, 1).item()), false);
      assertClose(parameters[1]!.grad!, ops.full([1], 3.5));
    }
  }));

test('the norm of no gradients is 0; a limit of 0 or NaN is refused', () =>
  scope(() => {
    assert.equal(gradNorm([withGradient(null)]).item(), 0);
    assert.equal(clipGradNorm([], 1).item(), 0);
    assert.equal(clipGradNorm([withGradient(null)], 1).item(), 0);
    for (const limit of [0, -1, Number.NaN]) {
      assert.throws(() => clipGradNorm([], limit), { code: 'TORCH_BAD_ARGUMENT', message: /maxNorm must be greater/ });
    }
  }));
