import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as ops from '../ops.js';
import { manualSeed } from '../runtime.js';
import { scope } from '../scope.js';
import { assertClose } from '../testing/assert-close.js';
import { testedDevices } from '../testing/golden.js';
import { Dropout, StochasticDepth, setTraining } from './index.js';

for (const device of testedDevices) {
  describe(`dropout and stochastic depth on ${device}`, () => {
    for (const Layer of [Dropout, StochasticDepth]) {
      test(`${Layer.name}: evaluation and p = 0 return the input itself`, () =>
        scope(() => {
          const x = ops.randn([4, 3, 2, 2], { device });
          assert.equal(setTraining(new Layer(0.9), false).forward(x), x);
          assert.equal(new Layer(0).forward(x), x);
        }));

      test(`${Layer.name}: p = 1 gives zeros and zero gradients, not NaN`, () =>
        scope(() => {
          const x = ops.randn([4, 3, 2, 2], { device });
          x.requiresGrad = true;
          const y = new Layer(1).forward(x);
          y.backward(ops.onesLike(y));
          assertClose(y, ops.zerosLike(x));
          assertClose(x.grad!, ops.zerosLike(x));
        }));

      test(`${Layer.name}: p outside of 0 to 1 is refused`, () => {
        for (const p of [-0.1, 1.1, Number.NaN]) {
          assert.throws(() => new Layer(p), {
            code: 'TORCH_BAD_ARGUMENT',
            message: new RegExp(`^${Layer.name}: .*${p}$`),
          });
        }
      });

      test(`${Layer.name}: values are scaled so that the mean does not change`, () =>
        scope(() => {
          manualSeed(1);
          const y = new Layer(0.3).forward(ops.ones([20_000, 1], { device }));
          const values = [...y.toArray()].map(Number);
          for (const value of values) assert.ok(value === 0 || Math.abs(value - 1 / 0.7) < 1e-6, `${value}`);
          // Five standard deviations of the mean of 20,000 draws; the seed is fixed.
          const bound = (5 * Math.sqrt(0.3 / 0.7)) / Math.sqrt(values.length);
          assert.ok(Math.abs(ops.mean(y).item() - 1) < bound, `mean ${ops.mean(y).item()}`);
        }));
    }

    test('StochasticDepth drops whole samples and scales the others, values and gradients', () =>
      scope(() => {
        manualSeed(3);
        const x = ops.contiguous(ops.randn([64, 3, 2, 2], { device }), { memoryFormat: 'channelsLast' });
        x.requiresGrad = true;
        const y = new StochasticDepth(0.5).forward(x);
        y.backward(ops.onesLike(y));
        let dropped = 0;
        for (let i = 0; i < 64; i++) {
          const [given, got, grad] = [x, y, x.grad!].map((tensor) => ops.select(tensor, 0, i));
          const factor = ops.equal(got!, ops.zerosLike(got!)) ? 0 : 2;
          dropped += factor === 0 ? 1 : 0;
          assertClose(got!, ops.mulScalar(given!, factor));
          assertClose(grad!, ops.mulScalar(ops.onesLike(grad!), factor));
        }
        assert.ok(dropped > 16 && dropped < 48, `${dropped} of 64 dropped`);
      }));
  });
}
