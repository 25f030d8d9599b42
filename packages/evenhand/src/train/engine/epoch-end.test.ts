import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { after, describe, test } from 'node:test';
import { nn } from '@evenhand/torch';
import { createModel, modelInfo } from '../../models/index.js';
import { RunFolder } from '../../run/index.js';
import type { TrainEvent } from '../events.js';
import { TrainingError } from '../training-error.js';
import type { TrainingContext } from './context.js';
import { countEpochsWithoutGain, endEpoch } from './epoch-end.js';
import { ExpectedTime } from './expected-time.js';
import { sha256, smallConfig, temporaryFolder } from './images.test.helper.js';
import { evaluationLoader } from './loaders.js';
import { TrainingState } from './state.js';

const { path: root, remove } = temporaryFolder();
after(remove);
const spec = modelInfo('mobilenet_v2');
const model = createModel(spec, { numClasses: 3, seed: 1 });
after(() => nn.disposeModule(model));

/** Twelve images of class 0, two of class 1, two of class 2. */
const TRUTH = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2];
/** Accuracy 12/16, Macro F1 (6/7 + 0 + 0) / 3: everything is the common class. */
const ACCURATE = TRUTH.map(() => 0);
/** Accuracy 8/16, and a better Macro F1, because the rare classes are found. */
const EVEN = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 2, 2];
/** The best of the three by either. */
const BETTER = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2];

let made = 0;
function begin(values = {}) {
  const events: TrainEvent[] = [];
  const config = smallConfig('/photos', values);
  const val = TRUTH.map((label, i) => ({ file: `/photos/val/${i}.png`, label }));
  const context: TrainingContext = {
    config: { ...config, batchSize: 8 },
    data: {
      classes: ['a', 'b', 'c'],
      train: [],
      val,
      fingerprint: '',
      splitFingerprint: '',
      hashes: new Map(),
      skipped: [],
      confirmed: new Set(),
    },
    spec,
    model,
    preset: spec.preset,
    device: 'cpu',
    half: null,
    folder: RunFolder.create(join(root, `run-${++made}`)),
    cache: undefined,
    group: null,
    validation: evaluationLoader(config, spec.preset, val, 'cpu'),
    onEvent: (event) => events.push(event),
    expectedTime: new ExpectedTime(),
    budget: null,
    isInterrupted: () => false,
  };
  const state = TrainingState.start(config);
  Object.assign(state.position, { phase: 'full', step: 3, lossSum: 2, seconds: 1 });
  return { context, state, folder: context.folder, position: state.position, events };
}

type Begun = ReturnType<typeof begin>;

/** Logits by which `predicted` is likelier than each other class by a factor of e^confidence. */
function logitsOf(predicted: readonly number[], confidence = 1): Float32Array {
  const logits = new Float32Array(predicted.length * 3);
  for (const [i, label] of predicted.entries()) logits[i * 3 + label] = confidence;
  return logits;
}

const FACTS = { size: 32, trainLoss: 1, backboneRate: 0, headRate: 0, seconds: 1, imagesPerSecond: 1 };
const end = ({ context, state }: Begun, predicted: readonly number[], confidence?: number) =>
  endEpoch(context, state, logitsOf(predicted, confidence), FACTS);

describe('the best epoch', () => {
  test('has the best Macro F1, whatever the accuracy', () => {
    const begun = begin();
    assert.equal(end(begun, EVEN).best, true);
    const before = sha256(begun.folder.best);
    nn.parameters(model)[0]!.setData(nn.parameters(createModel('mobilenet_v2', { numClasses: 3, seed: 2 }))[0]!);
    const accurate = end(begun, ACCURATE);
    const [first] = begun.position.epochs;
    assert.ok(accurate.accuracy > first!.accuracy && accurate.macroF1 < first!.macroF1);
    assert.equal(accurate.best, false);
    assert.equal(sha256(begun.folder.best), before, 'weights of an epoch that is not the best were written');
    assert.equal(end(begun, BETTER).best, true);
    assert.notEqual(sha256(begun.folder.best), before);
  });

  test('has, of equal Macro F1, the lowest loss', () => {
    const begun = begin();
    const best = [1, 2, 1.5, 2, 3].map((confidence) => end(begun, BETTER, confidence).best);
    assert.deepEqual(best, [true, true, false, false, true]);
  });

  test('is the last epoch with keep: last, whatever its Macro F1', () => {
    const begun = begin({ keep: 'last' });
    assert.deepEqual(
      [BETTER, ACCURATE].map((predicted) => end(begun, predicted).best),
      [true, true],
    );
    assert.deepEqual(begun.folder.readPredictions()[12], { file: 'val/12.png', label: 'b', logits: [1, 0, 0] });
  });

  test('has its predictions written, with paths relative to the data', () => {
    const begun = begin();
    end(begun, EVEN, 2);
    end(begun, ACCURATE);
    const predictions = begun.folder.readPredictions();
    assert.equal(predictions.length, TRUTH.length);
    assert.deepEqual(predictions[4], { file: 'val/4.png', label: 'a', logits: [0, 2, 0] });
    assert.deepEqual(predictions[15], { file: 'val/15.png', label: 'c', logits: [0, 0, 2] });
  });

  // labels.jsonl names images so, and the two could not be joined.
  test('names images relative to the folder of the data if the data is a CSV file', () => {
    const data = join(root, 'photos.csv');
    writeFileSync(data, 'filename,label\n');
    const begun = begin({ data });
    end(begun, EVEN);
    assert.equal(begun.folder.readPredictions()[4]!.file, relative(root, '/photos/val/4.png'));
  });

  // A least gain is for stopping. The best weights that were seen are worth having however small their gain.
  test('is the best even if it gained less than minGain', () => {
    const begun = begin({ minGain: 0.5 });
    assert.deepEqual(
      [ACCURATE, EVEN, BETTER].map((predicted) => end(begun, predicted).best),
      [true, true, true],
    );
  });
});

describe('the end of an epoch', () => {
  test('is reported, and the next epoch begins', () => {
    const begun = begin();
    const metrics = end(begun, EVEN);
    const { epoch, step, lossSum, seconds, epochs } = begun.position;
    assert.deepEqual({ epoch, step, lossSum, seconds }, { epoch: 1, step: 0, lossSum: 0, seconds: 0 });
    assert.deepEqual(epochs, [metrics]);
    assert.deepEqual(begun.events, [{ type: 'epoch', metrics }]);
    assert.deepEqual([metrics.phase, metrics.epoch, end(begun, EVEN).epoch], ['full', 1, 2]);
  });

  test('scores by one confusion matrix', () => {
    const begun = begin();
    const { accuracy, balancedAccuracy, macroF1, macroF1Present, numClasses, numPresent } = end(begun, EVEN);
    const f1 = [8 / 16, 4 / 8, 4 / 8];
    assert.ok(Math.abs(macroF1 - f1.reduce((a, b) => a + b) / 3) < 1e-12);
    assert.ok(Math.abs(balancedAccuracy - (1 / 3 + 1 + 1) / 3) < 1e-12);
    assert.deepEqual([accuracy, macroF1Present, numClasses, numPresent], [8 / 16, macroF1, 3, 3]);
  });

  // A first epoch without numbers would be the best so far, and its weights would be kept.
  test('is an error if logits are not finite, and the best checkpoint stays', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const begun = begin();
      const logits = logitsOf(EVEN);
      logits[7] = value;
      assert.throws(
        () => endEpoch(begun.context, begun.state, logits, FACTS),
        (error) => error instanceof TrainingError && /not finite.*epoch 1.*lower/.test(error.message),
      );
      assert.equal(existsSync(begun.folder.best), false);
      assert.deepEqual(begun.position.epochs, []);
    }
  });
});

describe('epochs without gain', () => {
  const count = (minGain: number, ...macroF1s: readonly number[]) =>
    countEpochsWithoutGain(
      macroF1s.map((macroF1) => ({ phase: 'full', macroF1 })),
      minGain,
    );

  test('are those since the best Macro F1; an equal score is no gain', () => {
    assert.equal(count(0), 0);
    assert.equal(count(0, 0), 0);
    assert.equal(count(0, 0.5, 0.4), 1);
    assert.equal(count(0, 0.5, 0.5, 0.5), 2);
    assert.equal(count(0, 0.5, 0.4, 0.45, 0.51), 0);
    assert.equal(count(0, 0.5, 0.6, 0.55, 0.55), 2);
  });

  test('include those whose gain is too small, and small gains add up', () => {
    assert.equal(count(0.05, 0.5, 0.54), 1);
    assert.equal(count(0.05, 0.5, 0.54, 0.58), 0);
    assert.equal(count(0.05, 0.5, 0.54, 0.58, 0.6, 0.61, 0.62), 3);
  });

  test('are counted in the full phase, against the head phase too', () => {
    const head = [0.6, 0.5, 0.5].map((macroF1) => ({ phase: 'head' as const, macroF1 }));
    assert.equal(countEpochsWithoutGain(head, 0), 0);
    assert.equal(countEpochsWithoutGain([...head, { phase: 'full', macroF1: 0.55 }], 0), 1);
    assert.equal(countEpochsWithoutGain([...head, { phase: 'full', macroF1: 0.65 }], 0), 0);
  });

  test('do not depend on the accuracy or the loss', () => {
    const begun = begin();
    for (const [predicted, confidence] of [
      [EVEN, 1],
      [ACCURATE, 1],
      [EVEN, 2],
      [EVEN, 3],
    ] as const) {
      end(begun, predicted, confidence);
    }
    assert.equal(countEpochsWithoutGain(begun.position.epochs, 0), 3);
  });
});
