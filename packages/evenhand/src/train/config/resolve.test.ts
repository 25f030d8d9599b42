import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError, type Field, flagName } from './field.js';
import { type Config, fields } from './fields.js';
import { recipes } from './recipes.js';
import { type ConfigLayer, resolveConfig } from './resolve.js';

const resolved = (values: ConfigLayer['values'], recipe = 'competition') =>
  resolveConfig(recipe, [{ source: 'recipe.toml', values }]);

function refused(action: () => unknown, message: RegExp): void {
  assert.throws(action, (error) => {
    assert.ok(error instanceof ConfigError, String(error));
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/, 'more than one sentence');
    return true;
  });
}

/** What the recipe of the competition was, value by value: a default that drifts makes another recipe of it. */
const COMPETITION: Partial<Config> = {
  model: 'efficientnet_b3',
  weights: 'pretrained',
  headHidden: 0,
  cropScale: [0.08, 1],
  cropRatio: [3 / 4, 4 / 3],
  horizontalFlip: 0.5,
  verticalFlip: 0,
  brightness: 0.2,
  contrast: 0.2,
  saturation: 0.2,
  hue: 0.1,
  rotation: 15,
  erasing: 0,
  policy: 'none',
  balance: ['sampler'],
  samplerExponent: 1,
  loss: 'cross-entropy',
  labelSmoothing: 0.1,
  mixProbability: 1,
  cutMixShare: 0.5,
  mixAlpha: 0.4,
  headEpochs: 3,
  headPhaseRate: 1e-3,
  epochs: 20,
  backboneRate: 1e-5,
  headRate: 1e-4,
  layerDecay: 1,
  warmupEpochs: 1,
  weightDecay: 0.01,
  accumulate: 1,
  ema: 0,
  autocast: 'auto',
  patience: 5,
  onBadImage: 'stop',
};

describe('recipes', () => {
  for (const [key, value] of Object.entries(COMPETITION)) {
    test(`competition has the ${key} that it had`, () => {
      assert.deepEqual(resolveConfig('competition')[key as keyof Config], value);
    });
  }

  test('resolve to complete configurations, each with a reason', () => {
    for (const [name, { why, changes }] of Object.entries(recipes)) {
      const config = resolveConfig(name);
      assert.deepEqual(Object.keys(config), Object.keys(fields), name);
      assert.match(why, /^[A-Z].*\.$/, name);
      for (const [key, value] of Object.entries(changes)) assert.deepEqual(config[key as keyof Config], value);
    }
  });

  test('set values that the fields allow', () => {
    for (const { changes } of Object.values(recipes)) assert.doesNotThrow(() => resolved(changes));
  });

  test('are the documented ones, and the literal one balances twice', () => {
    assert.deepEqual(Object.keys(recipes), ['competition', 'competition-literal', 'fast', 'frozen', 'strong']);
    assert.deepEqual(resolveConfig('competition-literal').balance, ['sampler', 'weighted-loss']);
  });

  test('with unknown names are refused with the likely spelling', () => {
    refused(() => resolveConfig('compettion'), /^Unknown recipe compettion: did you mean competition\?$/);
    refused(() => resolveConfig('xyz'), /^Unknown recipe xyz: expected one of competition, /);
    refused(() => resolveConfig('toString'), /^Unknown recipe toString/);
  });
});

describe('resolveConfig', () => {
  test('lets later layers override earlier ones', () => {
    const layers = [
      { source: 'recipe.toml', values: { epochs: 7, seed: 1 } },
      { source: '--epochs', values: { epochs: 8 } },
    ];
    const { epochs, seed, model } = resolveConfig('fast', layers);
    assert.deepEqual([epochs, seed, model], [8, 1, 'mobilenet_v2']);
  });

  // A run is resumed, and exported, from the configuration that it wrote.
  test('gives the same configuration if its result is written and read back', () => {
    const given: readonly ConfigLayer['values'][] = [
      { weights: 'none', data: 'photos', epochs: 2 },
      { balance: ['sampler', 'logit-adjust'], allowDoubleBalance: true, folds: 5, fold: 4 },
      { cropScale: [0.1, 0.1], headDropout: 0.3, valFraction: 0.15, seed: Number.MAX_SAFE_INTEGER },
    ];
    for (const recipe of Object.keys(recipes)) {
      for (const values of given) {
        const config = resolved(values, recipe);
        assert.deepEqual(resolved(JSON.parse(JSON.stringify(config))), config);
      }
    }
  });

  test('does not share arrays with the caller', () => {
    const cropScale = [0.5, 1];
    const config = resolved({ cropScale });
    cropScale[0] = 0;
    assert.deepEqual(config.cropScale, [0.5, 1]);
  });

  test('refuses unknown keys with their place and the likely spelling', () => {
    refused(() => resolved({ epoch: 3 }), /^Unknown key in recipe\.toml: epoch: did you mean epochs\?$/);
    refused(() => resolved({ labelSmooting: 0 }), /did you mean labelSmoothing\?/);
    refused(() => resolved({ quux: 1 }), /recipe\.toml: quux: expected one of data, images/);
    refused(() => resolved({ constructor: 1 }), /recipe\.toml: constructor/);
  });
});

/** Values that a field of each kind must refuse, besides those of other types. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  valFraction: [-1, -0.1, 1, 'some', '0.1', Number.NaN],
  folds: [-1, 2.5],
  fold: [-1, 0.5],
  onUnlabelled: ['ignore', ''],
  onBadImage: ['ignore', ''],
  model: [''],
  pool: ['mean', ''],
  dropPath: [-1.5, 1],
  headDropout: [-1.5, 1],
  headHidden: [-1, 0.5],
  imageSize: [-1, 224.5],
  startSize: [-1, 0.5],
  cropScale: [[0.5], [0.9, 0.1], [0, 2], [0, 1, 1], ['0', '1']],
  cropRatio: [
    [0, 1],
    [2, 1],
  ],
  horizontalFlip: [-0.1, 1.1],
  verticalFlip: [-0.1, 1.1],
  brightness: [-0.1],
  contrast: [-0.1],
  saturation: [-0.1],
  hue: [-0.1, 0.6],
  rotation: [-1, 181],
  erasing: [-0.1, 1.1],
  policy: ['auto-augment'],
  balance: ['oversample', [], ['sampler', 'sampler'], ['sampler', 'weights']],
  samplerExponent: [-0.1, 1.1],
  effectiveBeta: [-0.1, 1],
  logitAdjustTau: [-1],
  loss: ['mse'],
  labelSmoothing: [-0.1, 1],
  focalGamma: [-1],
  mixProbability: [-0.1, 1.1],
  cutMixShare: [-0.1, 1.1],
  mixAlpha: [0],
  headEpochs: [-1, 1.5],
  newHeadEpochs: [-1, 1.5],
  headPasses: [0, 1.5],
  headPhaseRate: [-1],
  epochs: [-1, 1.5],
  batchSize: [0, 1.5],
  backboneRate: [-1],
  headRate: [-1],
  layerDecay: [0, 1.1],
  warmupEpochs: [-1],
  weightDecay: [-1],
  clipNorm: [-1],
  accumulate: [0, 1.5],
  ema: [-0.1, 1],
  average: [-1, 0.5],
  patience: [-1, 1.5],
  minGain: [-0.1, 1.1],
  seed: [-1, 0.5, 2 ** 60],
  threads: [-1, 0.5],
  workers: [-1, 0.5],
};

describe('every field', () => {
  for (const [name, field] of Object.entries<Field<unknown>>(fields)) {
    const numeric = typeof field.default === 'number';
    const others: readonly unknown[] = [null, undefined, {}, ...(field.placeholder === '' ? ['true', 1] : [true])];
    const wrong = [...others, ...(numeric ? ['3', Number.NaN, Number.POSITIVE_INFINITY] : [3]), ...(WRONG[name] ?? [])];

    test(`${name} refuses what it does not allow, in a sentence with place, key, expectation and value`, () => {
      if (numeric) assert.ok(WRONG[name], 'this test has no value outside its range');
      for (const value of wrong) {
        refused(
          () => resolved({ [name]: value }),
          new RegExp(`^recipe\\.toml: ${name} must be ${escaped(field.expects)}, got \\S`),
        );
      }
    });

    test(`${name} allows its default and says what it is for`, () => {
      assert.deepEqual(field.accept(field.default), field.default);
      assert.match(field.doc, /\w/);
      assert.match(flagName(name), /^[a-z]+(-[a-z]+)*$/);
    });
  }

  test('names the value that was given', () => {
    refused(() => resolved({ epochs: 'many' }), /, got "many"$/);
    refused(() => resolved({ hue: 0.7 }), /: hue must be a number from 0 to 0\.5, got 0\.7$/);
    refused(() => resolved({ headRate: Number.POSITIVE_INFINITY }), /, got Infinity$/);
    refused(() => resolved({ headRate: Number.NaN }), /, got NaN$/);
    refused(
      () => resolved({ cropScale: [1, 0] }),
      /: cropScale must be two numbers, the smaller first, .*, got \[1, 0\]$/,
    );
  });
});

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

describe('fields that belong together', () => {
  test('two balancing methods are refused with the reason, unless allowed explicitly', () => {
    const balance = ['sampler', 'weighted-loss'];
    refused(
      () => resolved({ balance }),
      /^balance is sampler and weighted-loss: .*correct about twice.*set allowDoubleBalance$/,
    );
    assert.deepEqual(resolved({ balance, allowDoubleBalance: true }).balance, balance);
    refused(() => resolved({ balance: ['none', 'sampler'], allowDoubleBalance: true }), /contradict each other/);
    refused(() => resolved({ balance }, 'strong'), /correct about twice/);
    for (const pair of [
      ['weighted-loss', 'effective-number'],
      ['balanced-softmax', 'logit-adjust'],
    ]) {
      refused(() => resolved({ balance: pair, allowDoubleBalance: true }), /only one can apply: choose one$/);
    }
    assert.deepEqual(resolved({ balance: 'weighted-loss' }).balance, ['weighted-loss']);
  });

  test('contradictions are refused', () => {
    refused(() => resolved({ folds: 1 }), /^folds is 1: .*at least 2 folds$/);
    refused(() => resolved({ folds: 5, fold: 5 }), /^fold is 5: .*from 0 to 4$/);
    refused(() => resolved({ fold: 2 }), /^fold is 2.*folds/);
    refused(() => resolved({ folds: 5, valFraction: 0.1 }), /valFraction and folds both/);
    refused(() => resolved({ valCsv: 'val.csv', valFraction: 0.1 }), /valCsv/);
    refused(() => resolved({ valCsv: 'val.csv', folds: 5 }), /valCsv/);
    refused(() => resolved({ headEpochs: 0, epochs: 0 }), /nothing would be trained/);
  });

  test('without pretrained weights there is no head phase, and asking for one is refused', () => {
    assert.equal(resolved({ weights: 'none' }).headEpochs, 0);
    refused(() => resolved({ weights: 'none', headEpochs: 2 }), /^weights is none, .*random features/);
    assert.equal(resolved({ weights: 'none', headEpochs: 0 }).headEpochs, 0);
    refused(() => resolved({ weights: 'none', epochs: 0 }), /nothing would be trained/);
  });
});
