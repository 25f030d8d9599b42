import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JudgedLabel } from '../../../run/index.js';
import { epoch, prediction, type RunParts, runOf, twelve } from '../test-runs.test.helper.js';
import { analyseRun } from './analyse-run.js';
import { nextSteps } from './next-steps.js';

const paths = {
  run: 'run',
  data: "'my data'",
  file: (name: string) => `run/${name}`,
  sibling: (suffix: string) => `run-${suffix}`,
};

const commandsOf = (parts: RunParts, hasModelFile = true): string[] =>
  nextSteps(analyseRun(runOf(parts)), paths, hasModelFile).map(({ command }) => command);

/** Enough images per class to choose an epoch, all predicted correctly. */
const many = ['a', 'b', 'c'].flatMap((label) => Array.from({ length: 300 }, () => prediction(label, label, 1)));

const USUAL = [
  'evenhand eval run TEST_DATA',
  'evenhand predict run IMAGES',
  'evenhand export run --fp16 --out run/model-fp16.onnx',
];

describe('next steps', () => {
  test('resume a run without an epoch', () => {
    assert.deepEqual(commandsOf({ epochs: [] }), ['evenhand train --resume run']);
  });

  test('score, predict and export a run without problems', () => {
    assert.deepEqual(commandsOf({ predictions: many }), USUAL);
    assert.equal(commandsOf({ predictions: many }, false).at(-1), 'evenhand export run');
  });

  test('audit likely label errors, or confident mistakes if labels were not judged', () => {
    const labels: JudgedLabel[] = [0.9, 0.2].map((wrong, i) => ({
      file: `${i}.jpg`,
      part: 'train',
      given: 'b',
      wrong,
      suggested: 'a',
      suggestedProbability: wrong,
      posterior: {},
    }));
    const [step] = nextSteps(analyseRun(runOf({ predictions: many, labels })), paths, true);
    assert.deepEqual(step, { why: 'Review 1 likely label error', command: "evenhand audit 'my data'" });
    assert.equal(commandsOf({ predictions: [...many, prediction('a', 'b', 9)] })[0], "evenhand audit 'my data'");
  });

  test('hold out more validation images if there are too few to choose an epoch', () => {
    const runOfSize = (config: Readonly<Record<string, unknown>>, train: number) =>
      commandsOf({ predictions: twelve.slice(0, 9), config, train });
    const again = "evenhand train 'my data' --config run/config.json --val-fraction";
    assert.equal(runOfSize({}, 200)[0], `${again} 0.15 --run run-more-validation`);
    assert.equal(runOfSize({ valFraction: 0.15 }, 51)[0], `${again} 0.2 --run run-more-validation`);
    assert.deepEqual(runOfSize({ valFraction: 0.3 }, 20), USUAL, 'there are no more images to hold out');
    assert.deepEqual(runOfSize({ valCsv: 'val.csv' }, 200), USUAL, 'the flags would contradict each other');
    assert.deepEqual(runOfSize({}, null as unknown as number), USUAL, 'the number of images was not recorded');
  });

  test('train longer if the last epoch has the best score', () => {
    const epochs = [epoch, epoch, epoch];
    assert.equal(
      commandsOf({ predictions: many, epochs, config: { epochs: 3 } })[0],
      "evenhand train 'my data' --config run/config.json --epochs 6 --run run-longer",
    );
    assert.deepEqual(commandsOf({ predictions: many, epochs, config: { epochs: 3, keep: 'last' } }), USUAL);
  });
});
