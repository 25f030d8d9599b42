import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  type Environment,
  type EpochMetrics,
  expectedClassCounts,
  type JudgedLabel,
  judgementsOf,
  predictionArrays,
  RunFolder,
} from './index.js';
import { freshPath, refused, startedRun } from './run.test.helper.js';

const epoch: EpochMetrics = {
  phase: 'full',
  epoch: 1,
  size: 224,
  trainLoss: 1.25,
  backboneRate: 1e-5,
  headRate: 1e-4,
  valLoss: 0.1 + 0.2,
  accuracy: 0.75,
  balancedAccuracy: 0.7,
  macroF1: 2 / 3,
  macroF1Low: 0.5,
  macroF1High: 0.8,
  macroF1Present: 0.7,
  numClasses: 3,
  numPresent: 3,
  seconds: 12.5,
  imagesPerSecond: 13.4,
  peakMemoryMB: 512,
  best: true,
};

describe('a run folder', () => {
  test('returns exactly what was written', () => {
    const run = startedRun();
    const environment: Environment = {
      versions: { evenhand: '0.1.0' },
      os: 'Linux',
      cpu: 'a processor',
      cores: 2,
      threads: 2,
      device: 'cpu',
      memoryMB: 4096,
      git: null,
      dataset: {
        fingerprint: 'ab',
        path: '/photos',
        classes: ['a', 'b'],
        classCounts: [2, 1],
        train: 3,
        val: 2,
        skipped: [],
      },
      started: '2026-01-01T00:00:00.000Z',
    };
    const predictions = [
      { file: 'val/ä, "b".jpg', label: '1', logits: [0.1, -2.5e-7, 3] },
      { file: 'c.jpg', label: 'zwei\n', logits: [1, 2, 3] },
    ];
    run.writeEnvironment(environment);
    run.writeEpochs([epoch, { ...epoch, epoch: 2 }]);
    run.writePredictions(predictions);
    const again = RunFolder.open(run.path);
    assert.deepEqual(again.readConfig(), { epochs: 3 });
    assert.deepEqual(again.readEnvironment(), environment);
    assert.deepEqual(again.readEpochs(), [epoch, { ...epoch, epoch: 2 }]);
    assert.deepEqual(again.readPredictions(), predictions);
  });

  test('has no epochs or predictions before the first epoch ends', () => {
    const run = startedRun();
    assert.deepEqual([run.readEpochs(), run.readPredictions()], [[], []]);
  });

  // JSON has no NaN; a run whose loss diverged must still be readable.
  test('reads a NaN loss as NaN', () => {
    const run = startedRun();
    run.writeEpochs([{ ...epoch, trainLoss: Number.NaN }]);
    assert.deepEqual(run.readEpochs(), [{ ...epoch, trainLoss: Number.NaN }]);
  });

  test('leaves no temporary file, and rewrites the list of epochs', () => {
    const run = startedRun();
    run.writeEpochs([epoch, epoch]);
    run.writeEpochs([epoch]);
    assert.equal(readFileSync(join(run.path, 'metrics.jsonl'), 'utf8').split('\n').length, 2);
    assert.deepEqual(readdirSync(run.path).sort(), ['config.json', 'last', 'metrics.jsonl']);
  });

  test('appends lines to the log', () => {
    const run = startedRun();
    run.log('one');
    run.log('two');
    assert.equal(readFileSync(join(run.path, 'train.log'), 'utf8'), 'one\ntwo\n');
  });
});

describe('creating a run folder', () => {
  test('is refused if it holds a run, with both remedies', () => {
    refused(() => RunFolder.create(startedRun().path), /already holds a run: .*--resume .*--run/);
  });

  test('is refused if it holds other files, which would be mixed with the run', () => {
    const path = freshPath();
    mkdirSync(path);
    writeFileSync(join(path, 'thesis.doc'), '');
    refused(() => RunFolder.create(path), /is not empty \(it holds thesis\.doc\)/);
  });

  test('is refused inside a file, in one sentence', () => {
    const path = freshPath();
    writeFileSync(path, '');
    refused(() => RunFolder.create(join(path, 'run')), /cannot be written: there is a file where a folder is needed/);
    refused(() => RunFolder.create(path), /cannot be written: there is a file where a folder is needed/);
  });

  test('removes what a start left that was killed before it wrote its configuration', () => {
    const path = RunFolder.create(freshPath()).path;
    writeFileSync(join(path, 'config.json.123456'), '{');
    writeFileSync(join(path, 'last/state.safetensors.7.0a1b2c3d.tmp'), '');
    RunFolder.create(path);
    assert.deepEqual([readdirSync(path), readdirSync(join(path, 'last'))], [['last'], []]);
  });

  test('can be undone until the run starts', () => {
    const path = freshPath();
    RunFolder.create(path);
    RunFolder.removeUnstarted(path);
    assert.ok(!existsSync(path));
    RunFolder.removeUnstarted(path);
    const run = startedRun();
    RunFolder.removeUnstarted(run.path);
    assert.deepEqual(run.readConfig(), { epochs: 3 });
  });
});

describe('a run folder that cannot be used', () => {
  test('is named, with the remedy', () => {
    refused(() => RunFolder.open(freshPath()), /does not exist: .*evenhand train DATA --run/);
    const path = freshPath();
    mkdirSync(path);
    refused(() => RunFolder.open(path), /holds no run \(it has no config\.json\)/);
  });

  test('names the damaged line', () => {
    const run = startedRun();
    const line = JSON.stringify(epoch);
    writeFileSync(join(run.path, 'metrics.jsonl'), `${line}\n${line.slice(0, 40)}\n`);
    refused(() => run.readEpochs(), /metrics\.jsonl: line 2 is damaged: /);
    writeFileSync(join(run.path, 'metrics.jsonl'), `${line.replace('"best":true', '"best":1')}\n`);
    refused(() => run.readEpochs(), /line 1 is damaged: best must be true or false, got 1/);
    writeFileSync(join(run.path, 'predictions.jsonl'), '{"file":"a","label":"b","logits":[1,"2"]}\n');
    refused(
      () => run.readPredictions(),
      /predictions\.jsonl: line 1 is damaged: logits must be a list of numbers, got \[1, "2"\]/,
    );
    writeFileSync(join(run.path, 'predictions.jsonl'), '3\n');
    refused(() => run.readPredictions(), /line 1 is damaged: it is not an object/);
  });

  test('names the damaged file', () => {
    const run = startedRun();
    writeFileSync(join(run.path, 'config.json'), '[1');
    refused(() => run.readConfig(), /config\.json: is damaged/);
    writeFileSync(join(run.path, 'config.json'), '[1]');
    refused(() => run.readConfig(), /config\.json: is damaged: it is not an object/);
    refused(() => run.readEnvironment(), /environment\.json: cannot be read: there is no such file/);
    writeFileSync(join(run.path, 'environment.json'), '{}');
    refused(() => run.readEnvironment(), /environment\.json: is damaged: dataset must be an object, got undefined/);
  });

  test('names the file that cannot be written', () => {
    const run = startedRun();
    rmSync(run.path, { recursive: true });
    refused(() => run.writeEpochs([epoch]), /metrics\.jsonl: cannot be written: there is no such file or folder/);
    refused(() => run.log('a line'), /train\.log: cannot be written/);
  });

  test('removes the temporary files of killed writes', () => {
    const run = startedRun();
    for (const name of ['metrics.jsonl.99', 'best.safetensors.7.00ff00ff.tmp']) writeFileSync(join(run.path, name), '');
    run.writeEpochs([epoch]);
    run.removeLeftovers();
    assert.deepEqual(readdirSync(run.path).sort(), ['config.json', 'last', 'metrics.jsonl']);
  });
});

describe('judgements of validation labels', () => {
  const judged = (file: string, given: string, part: 'train' | 'val' = 'val'): JudgedLabel => ({
    file,
    part,
    given,
    wrong: 0.5,
    suggested: 'elm',
    suggestedProbability: 0.5,
    posterior: {},
  });
  const labels = [judged('a.jpg', 'oak'), judged('a.jpg', 'ash'), judged('b.jpg', 'oak', 'train')];
  const judgementOf = judgementsOf(labels);

  test('are found by file and label, among the validation images only', () => {
    assert.equal(judgementOf({ file: 'a.jpg', label: 'ash' }), labels[1]);
    assert.equal(judgementOf({ file: 'a.jpg', label: 'fir' }), undefined);
    assert.equal(judgementOf({ file: 'b.jpg', label: 'oak' }), undefined);
  });

  test('are found by the file names of runs of version 0.1 on a CSV file', () => {
    assert.equal(judgementOf({ file: '../a.jpg', label: 'oak' }), labels[0]);
  });
});

// JavaScript objects have properties of these names that nobody put there.
test('classes may have any name', () => {
  const run = startedRun();
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
  const labels = names.map((given) => ({
    file: `${given}/1.jpg`,
    part: 'train' as const,
    given,
    wrong: 0.1,
    suggested: names[0]!,
    suggestedProbability: 0.05,
    posterior: Object.fromEntries(names.map((name) => [name, 0.25])),
  }));
  run.writeLabels(labels);
  assert.deepEqual(
    run.readLabels().map(({ posterior }) => Object.entries(posterior)),
    names.map(() => names.map((name) => [name, 0.25])),
  );
  const predictions = names.map((label, i) => ({
    file: `${i}.jpg`,
    label,
    logits: names.map((_, k) => (i === k ? 1 : 0)),
  }));
  run.writePredictions(predictions);
  assert.deepEqual([...predictionArrays(run.readPredictions(), names).truth], [0, 1, 2, 3]);
});

test('predictions become arrays in linear time in the number of classes', () => {
  const classes = Array.from({ length: 20_000 }, (_, i) => `class ${i}`);
  const logits: number[] = [];
  let lookups = 0;
  const counted = new Proxy(classes, {
    get: (target, key) => {
      if (typeof key === 'string' && /^\d+$/.test(key)) lookups++;
      return Reflect.get(target, key);
    },
  });
  const predictions = Array.from({ length: 300 }, (_, i) => ({ file: `${i}`, label: classes.at(-1 - i)!, logits }));
  // The logits do not fit, which is found out only after the label was looked up.
  refused(() => predictionArrays(predictions, counted), /0 logits for 20000 classes/);
  assert.ok(lookups <= classes.length, `${lookups} lookups`);
});

test('training images are counted by the probabilities of their labels if the run judged these', () => {
  const dataset = { classes: ['oak', 'elm'], classCounts: [3, 1] };
  const judged = (part: 'train' | 'val', oak: number): JudgedLabel => {
    const posterior = { oak, elm: 1 - oak };
    return {
      file: 'a.jpg',
      part,
      given: 'oak',
      wrong: 1 - oak,
      suggested: 'elm',
      suggestedProbability: 1 - oak,
      posterior,
    };
  };
  assert.deepEqual(expectedClassCounts(dataset, []), [3, 1]);
  assert.deepEqual(expectedClassCounts(dataset, [judged('val', 0.5)]), [3, 1]);
  assert.deepEqual(expectedClassCounts(dataset, [judged('train', 0.75), judged('train', 0.5)]), [1.25, 0.75]);
  assert.equal(expectedClassCounts({ ...dataset, classCounts: [3] }, []), null);
});
