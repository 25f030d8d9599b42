import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readMetadata } from '@evenhand/predict';
import { openWeights, readTensors, scope } from '@evenhand/torch';
import { softmax } from '../../metrics/index.js';
import { predictionArrays, RunFolder } from '../../run/index.js';
import { ConfigError } from '../config/field.js';
import type { Progress } from '../events.js';
import { sha256 } from './images.test.helper.js';
import { TestRuns, tensorHash } from './training.test.helper.js';

const runs = await TestRuns.open();
after(runs.remove);

const skip = process.env.EVENHAND_TEST_ALL ? false : 'takes seconds: npm test -- --all';
const EPOCHS = skip ? 0 : 1;

const values = {
  model: 'efficientnet_mini',
  weights: 'pretrained',
  folds: 2,
  fold: 'all',
  headEpochs: 1,
  headPasses: 2,
  epochs: EPOCHS,
  batchSize: 8,
};

/** A run whose folds have been trained, which are to become one model in another way. */
function withFolds(name: string, combine: string, of = 'folds'): void {
  cpSync(runs.path(of), runs.path(name), { recursive: true });
  const file = join(runs.path(name), 'config.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), combine }));
}

function weightsOf(file: string): Map<string, Float32Array> {
  const checkpoint = openWeights(file);
  try {
    return scope(
      () => new Map([...readTensors(checkpoint)].map(([key, value]) => [key, value.toArray() as Float32Array])),
    );
  } finally {
    checkpoint.close();
  }
}

const metadataOf = (name: string) => {
  const { model } = RunFolder.open(runs.path(name));
  return readMetadata(readFileSync(model), model)!;
};

describe('one model of all folds', () => {
  before(async () => {
    await runs.go('folds', values);
  });

  test('refit trains one network on all images', async () => {
    withFolds('refit', 'refit');
    const { outOfFold, check, epochs } = await runs.go('refit');
    const final = RunFolder.open(join(runs.path('refit'), 'final'));
    const { folds, fold, combine } = final.readConfig();
    assert.deepEqual([folds, fold, combine, final.readEnvironment().dataset.train], [0, 0, 'ensemble', 24]);
    assert.deepEqual([epochs.length, final.readEpochs().length], [3 * (1 + EPOCHS), 1 + EPOCHS]);
    assert.deepEqual([check?.images, check?.value], [12, final.readEpochs().at(-1)?.macroF1]);
    const { members, validation } = metadataOf('refit');
    assert.deepEqual([members, validation?.images], [undefined, outOfFold?.images]);
  });

  test('refit ends with the same bits after an interruption', { skip }, async () => {
    withFolds('interrupted', 'refit');
    for (const stage of ['head', 'full']) {
      const stop = (at: Progress): boolean => at.stage === stage && at.done >= 8;
      assert.equal((await runs.go('interrupted', {}, stop)).interrupted, true);
    }
    await runs.go('interrupted');
    for (const file of ['final/best.safetensors', 'final/predictions.jsonl']) {
      assert.equal(sha256(join(runs.path('interrupted'), file)), sha256(join(runs.path('refit'), file)), file);
    }
    assert.equal(tensorHash(runs.state('interrupted/final')), tensorHash(runs.state('refit/final')));
    assert.equal((await runs.go('refit')).wasFinished, true);
  });

  test('distil trains towards labels and calibrated held-out predictions in equal parts', async () => {
    withFolds('distil', 'distil');
    await runs.go('distil');
    const folder = RunFolder.open(runs.path('distil'));
    const { truth, logits } = predictionArrays(folder.readPredictions(), ['blue', 'green', 'red']);
    const targets = weightsOf(runs.state('distil/final')).get('labels.train')!;
    // At some temperature, the same for all.
    const errors = Array.from({ length: 400 }, (_, i) => {
      const temperature = Math.exp((i - 200) / 40);
      const probabilities = softmax(
        logits.map((logit) => logit / temperature),
        3,
      );
      const expected = probabilities.map((p, at) => 0.5 * p + (truth[Math.floor(at / 3)] === at % 3 ? 0.5 : 0));
      return expected.reduce((most, p, at) => Math.max(most, Math.abs(p - targets[at]!)), 0);
    });
    assert.ok(Math.min(...errors) < 0.01, `${Math.min(...errors)}`);
    // The held-out predictions are not those of this network.
    assert.equal(metadataOf('distil').validation?.images, 12);
  });

  test('soup has the mean of the weights of the folds', async () => {
    withFolds('soup', 'soup');
    await runs.go('soup');
    const [mean, ...folds] = ['final', 'folds/0', 'folds/1'].map((run) => weightsOf(runs.best(join('soup', run))));
    for (const [key, value] of mean!) {
      if (key.includes('running') || key.includes('num_batches')) continue;
      for (const [i, x] of value.entries()) {
        const expected = (folds[0]!.get(key)![i]! + folds[1]!.get(key)![i]!) / 2;
        assert.ok(Math.abs(x - expected) < 1e-6 * Math.max(1, Math.abs(expected)), key);
      }
    }
    assert.equal(RunFolder.open(join(runs.path('soup'), 'final')).readEpochs().length, 1);
  });

  test('needs no validation images, and has then no score of its own', async () => {
    const data = join(runs.photos, 'train');
    const { outOfFold, check } = await runs.go('unchecked', { ...values, data, combine: 'refit', epochs: 0 });
    assert.equal(check, undefined);
    const final = RunFolder.open(join(runs.path('unchecked'), 'final'));
    assert.ok(final.readEpochs().every(({ macroF1, best }) => Number.isNaN(macroF1) && best));
    assert.deepEqual(final.readPredictions(), []);
    assert.equal(metadataOf('unchecked').validation?.images, outOfFold?.images);
  });

  test('is refused without folds', () => {
    assert.throws(
      () => runs.config({ combine: 'refit' }),
      (error) => error instanceof ConfigError && /combine is refit, .*set fold to all/.test(error.message),
    );
  });
});
