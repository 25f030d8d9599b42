import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { epoch, prediction, type RunParts, runOf, twelve } from '../test-runs.test.helper.js';
import { analyseRun } from './analyse-run.js';
import { findings } from './findings.js';
import { headlineOf } from './headline.js';

const findingsOf = (parts: RunParts): string => {
  const analysis = analyseRun(runOf(parts));
  return findings(analysis, headlineOf(analysis)!).join('\n');
};

/** Predictions with `correct` of `images` right per class, the wrong ones predicted as the next class. */
const withRecall = (...classes: readonly (readonly [images: number, correct: number])[]) =>
  classes.flatMap(([images, correct], k) =>
    Array.from({ length: images }, (_, i) => prediction('abc'[k]!, 'abc'[i < correct ? k : (k + 1) % 3]!, 0.5)),
  );

const gap = { ...epoch, accuracy: 0.75, macroF1: 0.6 };

describe('findings', () => {
  // A report once said that frequent classes did better where rare ones had the higher F1.
  test('say which classes do better by their scores only', () => {
    const frequentBetter = { predictions: withRecall([9, 9], [3, 3], [3, 0]), epochs: [gap], classCounts: [90, 30, 9] };
    assert.match(
      findingsOf(frequentBetter),
      /^Accuracy is 0\.150 above Macro F1\. Frequent classes do better than rare ones: mean F1 0\.857 for the third .* 0\.000 for/m,
    );
    const rareBetter = { ...frequentBetter, classCounts: [9, 30, 90] };
    assert.match(findingsOf(rareBetter), /Rare classes do better than frequent ones: mean F1 0\.000 for .* 0\.857 for/);
    const equal = { ...frequentBetter, predictions: withRecall([4, 4], [4, 4], [4, 4]) };
    assert.match(findingsOf(equal), /Rare and frequent classes do about equally well/);
  });

  test('give no reason for a gap without training counts, and none without a gap', () => {
    assert.match(findingsOf({ predictions: twelve, epochs: [gap] }), /^Accuracy is 0\.150 above Macro F1\.$/m);
    const below = { ...epoch, accuracy: 0.5, macroF1: 0.6 };
    assert.match(findingsOf({ predictions: twelve, epochs: [below] }), /^Accuracy is 0\.100 below Macro F1\.$/m);
    const none = { ...epoch, accuracy: 0.61, macroF1: 0.6 };
    assert.doesNotMatch(findingsOf({ predictions: twelve, epochs: [none] }), /Accuracy is/);
  });

  test('call the score against posterior labels what it is', () => {
    const posterior = { ...epoch, macroF1Posterior: 0.91, macroF1PosteriorLow: 0.85, macroF1PosteriorHigh: 0.95 };
    const text = findingsOf({ predictions: twelve, epochs: [posterior] });
    assert.match(text, /against posterior labels, 0\.910 \(0\.850 to 0\.950\), .* is not a score to publish/);
    const analysis = analyseRun(runOf({ predictions: twelve, epochs: [posterior] }));
    assert.equal(headlineOf(analysis)!.macroF1, epoch.macroF1, 'the headline is on the labels as given');
    assert.doesNotMatch(findingsOf({ predictions: twelve }), /posterior/);
  });

  test('count classes without F1 and without validation images', () => {
    const text = findingsOf({
      classes: ['a', 'b', 'c'],
      predictions: [prediction('a', 'a'), prediction('b', 'a')],
    });
    assert.match(text, /^1 class with validation images has an F1 of 0\.$/m);
    assert.match(text, /^1 class of 3 has no validation image and counts as F1 0 in Macro F1\.$/m);
  });

  test('count confident mistakes', () => {
    assert.match(
      findingsOf({ predictions: [prediction('a', 'b', 9)] }),
      /^1 wrong prediction has a confidence of 90 % or more: check its label first\.$/m,
    );
    assert.doesNotMatch(findingsOf({ predictions: [prediction('a', 'b', 0.1)] }), /confidence/);
  });

  test('mention a wide interval, and an improving last epoch only if the best epoch is kept', () => {
    const wide = { ...epoch, macroF1Low: 0.4, macroF1High: 0.7 };
    assert.match(findingsOf({ epochs: [wide] }), /interval of Macro F1 is 0\.300 wide/);
    assert.doesNotMatch(findingsOf({ epochs: [{ ...wide, macroF1Low: 0.65 }] }), /wide/);
    assert.match(findingsOf({ epochs: [epoch, epoch, epoch] }), /The last epoch has the best score/);
    assert.doesNotMatch(findingsOf({ epochs: [epoch, epoch, { ...epoch, best: false }] }), /The last epoch/);
  });
});
