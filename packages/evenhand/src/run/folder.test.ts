import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type Environment, type EpochMetrics, type JudgedLabel, judgementsOf, RunError, RunFolder } from './index.js';

const root = mkdtempSync(join(tmpdir(), 'evenhand-run-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;
const fresh = (): string => join(root, `run-${++made}`);

function begun(): RunFolder {
  const run = RunFolder.create(fresh());
  run.writeConfig({ epochs: 3 });
  return run;
}

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

const refused = (action: () => unknown, message: RegExp): void => {
  assert.throws(action, (error) => {
    assert.ok(error instanceof RunError, String(error));
    assert.match(error.message, message);
    return true;
  });
};

describe('a run folder', () => {
  test('gives back what was written, to the last bit', () => {
    const run = begun();
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

  test('has no epochs and predictions before the first epoch ends', () => {
    const run = begun();
    assert.deepEqual([run.readEpochs(), run.readPredictions()], [[], []]);
  });

  // JSON has no NaN; a run whose loss diverged must still be readable.
  test('reads a loss that was not a number as NaN', () => {
    const run = begun();
    run.writeEpochs([{ ...epoch, trainLoss: Number.NaN }]);
    assert.deepEqual(run.readEpochs(), [{ ...epoch, trainLoss: Number.NaN }]);
  });

  test('leaves no temporary file, and writes the list of epochs anew', () => {
    const run = begun();
    run.writeEpochs([epoch, epoch]);
    run.writeEpochs([epoch]);
    assert.equal(readFileSync(join(run.path, 'metrics.jsonl'), 'utf8').split('\n').length, 2);
    assert.deepEqual(readdirSync(run.path).sort(), ['config.json', 'last', 'metrics.jsonl']);
  });

  test('appends lines to the log', () => {
    const run = begun();
    run.log('one');
    run.log('two');
    assert.equal(readFileSync(join(run.path, 'train.log'), 'utf8'), 'one\ntwo\n');
  });
});

describe('making a run folder', () => {
  test('is refused where a run is, with both ways out', () => {
    refused(() => RunFolder.create(begun().path), /already holds a run: .*--resume .*--run/);
  });

  test('is refused where strangers lie, which would be mixed with the run', () => {
    const path = fresh();
    mkdirSync(path);
    writeFileSync(join(path, 'thesis.doc'), '');
    refused(() => RunFolder.create(path), /is not empty \(it holds thesis\.doc\)/);
  });

  test('is refused under a file, by one sentence', () => {
    const path = fresh();
    writeFileSync(path, '');
    refused(() => RunFolder.create(join(path, 'run')), /cannot be written: a file stands where a folder is needed/);
    refused(() => RunFolder.create(path), /cannot be written: a file stands where a folder is needed/);
  });

  test('takes over a start that was killed before it wrote its configuration', () => {
    const path = RunFolder.create(fresh()).path;
    writeFileSync(join(path, 'config.json.123456'), '{');
    writeFileSync(join(path, 'last/state.safetensors.7.0a1b2c3d.tmp'), '');
    RunFolder.create(path);
    assert.deepEqual([readdirSync(path), readdirSync(join(path, 'last'))], [['last'], []]);
  });

  test('can be undone until the run begins', () => {
    const path = fresh();
    RunFolder.create(path);
    RunFolder.removeUnstarted(path);
    assert.ok(!existsSync(path));
    RunFolder.removeUnstarted(path);
    const run = begun();
    RunFolder.removeUnstarted(run.path);
    assert.deepEqual(run.readConfig(), { epochs: 3 });
  });
});

describe('a run folder that cannot be used', () => {
  test('is named, with what to do', () => {
    refused(() => RunFolder.open(fresh()), /does not exist: .*evenhand train DATA --run/);
    const path = fresh();
    mkdirSync(path);
    refused(() => RunFolder.open(path), /holds no run \(it has no config\.json\)/);
  });

  test('has its damaged line named', () => {
    const run = begun();
    const line = JSON.stringify(epoch);
    writeFileSync(join(run.path, 'metrics.jsonl'), `${line}\n${line.slice(0, 40)}\n`);
    refused(() => run.readEpochs(), /metrics\.jsonl: line 2 is damaged: /);
    writeFileSync(join(run.path, 'metrics.jsonl'), `${line.replace('"best":true', '"best":1')}\n`);
    refused(() => run.readEpochs(), /line 1 is damaged: best is not a boolean/);
    writeFileSync(join(run.path, 'predictions.jsonl'), '{"file":"a","label":"b","logits":[1,"2"]}\n');
    refused(() => run.readPredictions(), /predictions\.jsonl: line 1 is damaged: logits is not numbers/);
    writeFileSync(join(run.path, 'predictions.jsonl'), '3\n');
    refused(() => run.readPredictions(), /line 1 is damaged: it is not an object/);
  });

  test('has its damaged file named', () => {
    const run = begun();
    writeFileSync(join(run.path, 'config.json'), '[1');
    refused(() => run.readConfig(), /config\.json: is damaged/);
    writeFileSync(join(run.path, 'config.json'), '[1]');
    refused(() => run.readConfig(), /config\.json: is damaged: it is no object/);
    refused(() => run.readEnvironment(), /environment\.json: cannot be read: there is no such file/);
    writeFileSync(join(run.path, 'environment.json'), '{}');
    refused(() => run.readEnvironment(), /environment\.json: is damaged: dataset\.classes is not a list/);
  });

  test('says which file the system refused to write', () => {
    const run = begun();
    rmSync(run.path, { recursive: true });
    refused(() => run.writeEpochs([epoch]), /metrics\.jsonl: cannot be written: there is no such file or folder/);
    refused(() => run.log('a line'), /train\.log: cannot be written/);
  });

  test('keeps only what a killed write had not finished out of the way', () => {
    const run = begun();
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
