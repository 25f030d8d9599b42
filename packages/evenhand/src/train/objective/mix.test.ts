import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { liveTensors, ops, scope, type Tensor, tensor } from '@evenhand/torch';
import { Random } from '../../random.js';
import { applyMix, drawMix, type MixPlan } from './mix.js';

const half = { mixProbability: 1, cutMixShare: 0.5, mixAlpha: 0.4 };
const drawMany = (count: number, options = half, size = 32) =>
  Array.from({ length: count }, (_, step) => drawMix(options, new Random(7, 3, step, 0), 8, size));
const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;
const near = (actual: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not within ${tolerance} of ${expected}`);

describe('drawMix', () => {
  test('depends on nothing but its arguments', () => {
    assert.deepEqual(drawMany(50), drawMany(50));
    assert.notDeepEqual(drawMix(half, new Random(7, 3, 0, 0), 8, 32), drawMix(half, new Random(8, 3, 0, 0), 8, 32));
  });

  test('mixes the configured share of batches, with the share of CutMix', () => {
    const plans = drawMany(4000, { mixProbability: 0.6, cutMixShare: 0.25, mixAlpha: 1 });
    const share = (kind: MixPlan['kind'] | undefined) => plans.filter((plan) => plan?.kind === kind).length / 4000;
    // standard deviations are below 0.008
    near(share(undefined), 0.4, 0.03);
    near(share('mixup'), 0.45, 0.03);
    near(share('cutmix'), 0.15, 0.03);
    assert.ok(drawMany(200, { ...half, mixProbability: 0 }).every((plan) => plan === undefined));
    assert.ok(drawMany(200, { ...half, cutMixShare: 0 }).every((plan) => plan?.kind === 'mixup'));
    assert.ok(drawMany(200, { ...half, cutMixShare: 1 }).every((plan) => plan?.kind === 'cutmix'));
  });

  test('draws lambda from Beta(alpha, alpha)', () => {
    const lambdas = drawMany(4000, { ...half, cutMixShare: 0 }).map((plan) => plan!.lambda);
    near(mean(lambdas), 0.5, 0.03);
    // the variance of Beta(a, a) is 1 / (4 (2a + 1))
    near(mean(lambdas.map((lambda) => (lambda - 0.5) ** 2)), 1 / 7.2, 0.01);
  });

  test('gives each image one partner', () => {
    for (const plan of drawMany(20)) assert.deepEqual([...plan!.partners].sort(), [0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('gives the exact share of the area that CutMix leaves, with the box inside the image', () => {
    let cutAtTheBorder = 0;
    for (const plan of drawMany(1000, { ...half, cutMixShare: 1 }, 33)) {
      const { lambda, box } = plan!;
      const { top, left, bottom, right } = box;
      assert.ok(0 <= top && top <= bottom && bottom <= 33 && 0 <= left && left <= right && right <= 33);
      assert.ok([top, left, bottom, right].every(Number.isInteger));
      assert.equal(lambda, 1 - ((bottom - top) * (right - left)) / (33 * 33));
      if (bottom - top !== right - left) cutAtTheBorder++;
    }
    assert.ok(cutAtTheBorder > 100, 'the boxes are not centred anywhere');
  });
});

describe('applyMix', () => {
  /** Four channels-last images of 6 x 5 pixels whose every entry has a value of its own. */
  const [count, channels, height, width] = [4, 3, 6, 5];
  const value = (n: number, c: number, y: number, x: number) => n * 1000 + c * 100 + y * 10 + x;
  function images(): Tensor {
    const flat = new Float32Array(count * height * width * channels);
    let i = 0;
    for (let n = 0; n < count; n++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) for (let c = 0; c < channels; c++) flat[i++] = value(n, c, y, x);
    return ops.permute(tensor(flat, [count, height, width, channels]), [0, 3, 1, 2]);
  }
  // 0 and 1 exchange, 2 gives to 3 and takes from itself; then a cycle of four
  const pairings = [
    [1, 0, 2, 2],
    [1, 2, 3, 0],
  ];
  const labels = () => tensor(Int32Array.from([5, 6, 7, 8]), [4], { dtype: 'int64' });
  const none = { top: 0, left: 0, bottom: 0, right: 0 };

  function check(plan: MixPlan, expected: (n: number, c: number, y: number, x: number, other: number) => number): void {
    scope(() => {
      const { images: mixed, targets } = applyMix(images(), labels(), plan);
      assert.equal(mixed.memoryFormat, 'channelsLast');
      assert.deepEqual(mixed.shape, [count, channels, height, width]);
      const got = mixed.toArray();
      let i = 0;
      for (let n = 0; n < count; n++)
        for (let c = 0; c < channels; c++)
          for (let y = 0; y < height; y++)
            for (let x = 0; x < width; x++) {
              const wanted = Math.fround(expected(n, c, y, x, plan.partners[n]!));
              assert.equal(got[i++], wanted, `image ${n}, channel ${c}, row ${y}, column ${x}`);
            }
      assert.equal(targets.lambda, plan.lambda);
      assert.deepEqual([...targets.a.toArray()].map(Number), [5, 6, 7, 8]);
      assert.deepEqual(
        [...targets.b!.toArray()].map(Number),
        Array.from(plan.partners, (n) => n + 5),
      );
    });
  }

  for (const partners of pairings) {
    test(`mixes each image with its partner: ${partners}`, () => {
      // a quarter of a whole number is exact
      const plan: MixPlan = { kind: 'mixup', lambda: 0.25, partners: Int32Array.from(partners), box: none };
      check(plan, (n, c, y, x, other) => 0.25 * value(n, c, y, x) + 0.75 * value(other, c, y, x));
    });

    // A patch must come from the partner as it was, not from what was pasted into it before.
    test(`pastes the patch of the partner and nothing else: ${partners}`, () => {
      const box = { top: 1, left: 2, bottom: 4, right: 5 };
      const plan: MixPlan = { kind: 'cutmix', lambda: 0.7, partners: Int32Array.from(partners), box };
      const inside = (y: number, x: number) => y >= 1 && y < 4 && x >= 2 && x < 5;
      check(plan, (n, c, y, x, other) => value(inside(y, x) ? other : n, c, y, x));
    });
  }

  test('does not change the images if the box is empty', () => {
    const plan: MixPlan = { kind: 'cutmix', lambda: 1, partners: Int32Array.from([1, 2, 3, 0]), box: none };
    check(plan, value);
  });

  test('leaks no tensor', () => {
    const before = liveTensors();
    for (const kind of ['mixup', 'cutmix'] as const) {
      const box = { top: 1, left: 1, bottom: 3, right: 3 };
      scope(
        () => void applyMix(images(), labels(), { kind, lambda: 0.5, partners: Int32Array.from([1, 0, 3, 2]), box }),
      );
    }
    assert.equal(liveTensors(), before);
  });
});
