// The losses beside PyTorch's and scikit-learn's: tools/golden_train.py.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { gradients, scope, tensor } from '@evenhand/torch';
import { type ConfigLayer, resolveConfig } from '../config/resolve.js';
import { classWeights, logitShifts } from './balance.js';
import { makeLoss } from './losses.js';

interface Case {
  readonly value: number;
  readonly gradient: readonly number[];
}

interface Golden {
  readonly counts: readonly number[];
  readonly smoothing: number;
  readonly beta: number;
  readonly logits: readonly number[][];
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly lambda: number;
  readonly weights: Readonly<Record<'weighted-loss' | 'effective-number', readonly number[]>>;
  readonly losses: Readonly<Record<string, Case>>;
  readonly pytorchWeightedSmoothed: Case;
  readonly trap: { readonly logits: readonly number[][]; readonly label: readonly number[]; readonly pytorch: Case };
}

const golden: Golden = JSON.parse(
  readFileSync(new URL('../../../golden/train/losses.json', import.meta.url), 'utf8'),
) as Golden;

const config = (values: ConfigLayer['values']) => resolveConfig('competition', [{ source: 'test', values }]);

/** The loss that a configuration makes, and its gradient. */
function compute(
  values: ConfigLayer['values'],
  { logits = golden.logits, a = golden.a, mixed = false, counts = golden.counts } = {},
): Case {
  const loss = makeLoss(config({ balance: 'none', labelSmoothing: 0, ...values }), counts, 'cpu');
  return scope(() => {
    const x = tensor(logits, { requiresGrad: true });
    const labels = (of: readonly number[]) => tensor(Int32Array.from(of), [of.length], { dtype: 'int64' });
    const value = loss(
      x,
      mixed ? { a: labels(a), b: labels(golden.b), lambda: golden.lambda } : { a: labels(a), lambda: 1 },
    );
    return { value: value.item(), gradient: Array.from(gradients([value], [x])[0]!.toArray(), Number) };
  });
}

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    const off = Math.abs(actual[i]! - expected[i]!);
    assert.ok(off <= tolerance, `${what}: entry ${i} is ${actual[i]}, expected ${expected[i]}`);
  }
}

function assertSame(actual: Case, expected: Case, what: string): void {
  assertClose([actual.value], [expected.value], 2e-6, `${what}: value`);
  assertClose(actual.gradient, expected.gradient, 5e-7, `${what}: gradient`);
}

describe('the loss', () => {
  const { smoothing, beta } = golden;
  const cases: readonly [name: string, values: ConfigLayer['values']][] = [
    ['plain', {}],
    ['smoothed', { labelSmoothing: smoothing }],
    ['weighted', { balance: 'weighted-loss' }],
    ['weighted, smoothed', { balance: 'weighted-loss', labelSmoothing: smoothing }],
    ['effective-number', { balance: 'effective-number', effectiveBeta: beta }],
    ['balanced-softmax', { balance: 'balanced-softmax' }],
    ['logit-adjust 1.5', { balance: 'logit-adjust', logitAdjustTau: 1.5 }],
    ['focal 2', { loss: 'focal', focalGamma: 2 }],
    ['focal 0.5', { loss: 'focal', focalGamma: 0.5 }],
  ];
  for (const [name, values] of cases) {
    test(`has PyTorch's value and gradient: ${name}`, () => {
      assertSame(compute(values), golden.losses[name]!, name);
    });
  }

  test('of mixed targets is that of the soft target', () => {
    assertSame(compute({}, { mixed: true }), golden.losses.mixed!, 'mixed');
    const smoothed = compute({ labelSmoothing: smoothing }, { mixed: true });
    assertSame(smoothed, golden.losses['mixed, smoothed']!, 'mixed, smoothed');
  });

  test('of mixed targets is lambda L(a) + (1 - lambda) L(b), each with its own weights', () => {
    const values = { balance: 'weighted-loss', labelSmoothing: smoothing };
    const [a, b] = [compute(values), compute(values, { a: golden.b })];
    const sum = (of: number, other: number) => golden.lambda * of + (1 - golden.lambda) * other;
    const expected = { value: sum(a.value, b.value), gradient: a.gradient.map((g, i) => sum(g, b.gradient[i]!)) };
    assertSame(compute(values, { mixed: true }), expected, 'weighted and mixed');
  });

  test('is cross-entropy if the focal gamma is 0', () => {
    const values = { loss: 'focal', focalGamma: 0, labelSmoothing: smoothing };
    assertSame(compute(values), golden.losses.smoothed!, 'gamma 0');
  });

  test('stays finite with focal loss, smoothing and weights if the model is nearly certain', () => {
    const values = { loss: 'focal', focalGamma: 0.5, balance: 'weighted-loss', labelSmoothing: smoothing };
    const { value, gradient } = compute(values, { logits: [[80, 0, 0, 0, 0]], a: [0] });
    assert.ok(Number.isFinite(value) && gradient.every(Number.isFinite), `${value}, ${gradient}`);
  });

  // PyTorch weights the smoothed target, entry by entry, so that every image raises the rare classes' logits.
  test('does not raise the logit of a rare class for an image of another one, as PyTorch does when it smooths', () => {
    const { logits, label, pytorch } = golden.trap;
    const ours = compute({ balance: 'weighted-loss', labelSmoothing: smoothing }, { logits, a: label });
    const rare = 1;
    assert.ok(pytorch.gradient[rare]! < -0.1, 'the reference no longer has what this test is about');
    assert.ok(ours.gradient[rare]! > 0.01, `gradient ${ours.gradient}`);
    const { gradient } = compute({ balance: 'weighted-loss', labelSmoothing: smoothing });
    const apart = gradient.map((each, i) => Math.abs(each - golden.pytorchWeightedSmoothed.gradient[i]!));
    assert.ok(Math.max(...apart) > 0.01, `${apart}`);
  });

  test('stays finite with a class that has no images, and with one class of them', () => {
    for (const balance of ['weighted-loss', 'effective-number', 'logit-adjust', 'balanced-softmax']) {
      for (const counts of [golden.counts, [0, 0, 0, 0, 7]]) {
        const { value, gradient } = compute({ balance }, { counts, a: [4, 4, 4, 4, 4, 4, 4, 4] });
        assert.ok(Number.isFinite(value) && gradient.every(Number.isFinite), `${balance}: ${value}, ${gradient}`);
      }
    }
  });

  test('of 16-bit logits is computed in 32 bits', () => {
    const loss = makeLoss(config({ balance: 'none', labelSmoothing: 0 }), golden.counts, 'cpu');
    scope(() => {
      const labels = tensor(Int32Array.from(golden.a), [golden.a.length], { dtype: 'int64' });
      const rounded = Float32Array.from(golden.logits.flat(), (x) => Math.round(x * 8) / 8);
      const [half, full] = (['bfloat16', 'float32'] as const).map((dtype) =>
        loss(tensor(rounded, [golden.a.length, golden.counts.length], { dtype }), { a: labels, lambda: 1 }),
      );
      assert.equal(half!.dtype, 'float32');
      // the eighths are exact in either type
      assert.equal(half!.item(), full!.item());
    });
  });
});

describe('class weights', () => {
  test("are scikit-learn's balanced ones, 1 for absent classes", () => {
    const weights = classWeights(config({ balance: 'weighted-loss' }), golden.counts)!;
    assertClose(weights, golden.weights['weighted-loss'], 1e-15, 'weighted-loss');
  });

  test('follow the effective number of images', () => {
    const values = { balance: 'effective-number', effectiveBeta: golden.beta };
    const weights = classWeights(config(values), golden.counts)!;
    assertClose(weights, golden.weights['effective-number'], 1e-12, 'effective-number');
    const equal = classWeights(config({ balance: 'effective-number', effectiveBeta: 0 }), golden.counts)!;
    assertClose(equal, [1, 1, 1, 1, 1], 1e-15, 'beta 0');
  });

  test('are undefined for other balancing methods', () => {
    for (const balance of ['none', 'sampler', 'logit-adjust', 'balanced-softmax']) {
      assert.equal(classWeights(config({ balance }), golden.counts), undefined, balance);
    }
    const both = config({ balance: ['sampler', 'weighted-loss'], allowDoubleBalance: true });
    assertClose(classWeights(both, golden.counts)!, golden.weights['weighted-loss'], 1e-15, 'both');
  });
});

test('logits are shifted by the prior for logit-adjust and balanced-softmax alone', () => {
  const prior = Math.log(40 / 60.5);
  assertClose([logitShifts(config({ balance: 'balanced-softmax' }), golden.counts)![0]!], [prior], 1e-15, 'tau 1');
  const adjusted = logitShifts(config({ balance: 'logit-adjust', logitAdjustTau: 2 }), golden.counts)!;
  assertClose([adjusted[0]!, adjusted[2]!], [2 * prior, 2 * Math.log(0.5 / 60.5)], 1e-15, 'tau 2');
  for (const balance of ['none', 'sampler', 'weighted-loss', 'effective-number']) {
    assert.equal(logitShifts(config({ balance }), golden.counts), undefined, balance);
  }
});

describe('a loss towards probabilities', () => {
  const ways = [{}, { balance: 'weighted-loss' }, { balance: 'balanced-softmax' }, { loss: 'focal' }];
  const classes = golden.logits[0]!.length;
  const towards = (
    values: ConfigLayer['values'],
    targets: (labels: readonly number[]) => readonly number[][],
  ): number =>
    scope(() => {
      const loss = makeLoss(config({ balance: 'none', labelSmoothing: 0.1, ...values }), golden.counts, 'cpu');
      const soft = tensor(Float32Array.from(targets(golden.a).flat()), [golden.a.length, classes]);
      return loss(tensor(golden.logits), { a: soft, lambda: 1 }).item();
    });
  const oneHot = (label: number): number[] => Array.from({ length: classes }, (_, c) => (c === label ? 1 : 0));

  test('of certain classes is the loss of these classes', () => {
    for (const values of ways) {
      const { value } = compute({ labelSmoothing: 0.1, ...values });
      assertClose([towards(values, (labels) => labels.map(oneHot))], [value], 1e-6, JSON.stringify(values));
    }
  });

  test('is the mean of the losses of the classes, by their probabilities', () => {
    // Half of each label's weight moves to the next class.
    const next = golden.a.map((label) => (label + 1) % classes);
    const mixed = (labels: readonly number[]) =>
      labels.map((label, i) => oneHot(label).map((p, c) => p / 2 + oneHot(next[i]!)[c]! / 2));
    for (const values of [{}, { balance: 'balanced-softmax' }]) {
      const [first, second] = [
        compute({ labelSmoothing: 0.1, ...values }),
        compute({ labelSmoothing: 0.1, ...values }, { a: next }),
      ];
      assertClose([towards(values, mixed)], [(first.value + second.value) / 2], 1e-6, JSON.stringify(values));
    }
  });
});
