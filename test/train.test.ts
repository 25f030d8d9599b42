// A training from the command line to its scores.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  copyFolder,
  drawDiscs,
  evenhand,
  namesIn,
  readLines,
  refusal,
  SMALL,
  sha256,
  succeed,
  temporaryFolder,
} from './support.js';

const { path: folder, remove } = temporaryFolder();
after(remove);
const training = [...SMALL, '--epochs', '2', '--head-rate', '0.01', '--backbone-rate', '0.01'];
let printed = '';

before(async () => {
  await drawDiscs(join(folder, 'discs'));
  printed = await succeed(['train', 'discs', ...training], folder);
});

describe('train', () => {
  const run = join(folder, 'runs/discs-fast-1');

  test('says where the run is and shows Macro F1, its interval and its average beside accuracy', () => {
    assert.match(
      printed,
      /^Training on discs with recipe fast \(training on the CPU; evenhand recipes lists the others\); run folder: runs\/discs-fast-1$/m,
    );
    assert.match(printed, /Macro F1 \(3 classes\) +accuracy/);
    assert.match(printed, /^full +1\/2 +32 .*\[0\.\d{3}, [01]\.\d{3}\]/m);
    assert.match(
      printed,
      /^ +Macro F1 over all 3 classes .*\[0\.\d{3}, [01]\.\d{3}\]\n( .*\n)? +Accuracy +[01]\.\d{3}$/m,
    );
    assert.match(printed, /evenhand eval runs\/discs-fast-1 DATA/);
  });

  test('leaves a run folder with all that came of it, and nothing temporary', () => {
    assert.deepEqual(namesIn(run).sort(), [
      'best.safetensors',
      'config.json',
      'environment.json',
      'last',
      'metrics.jsonl',
      'model.json',
      'model.onnx',
      'predictions.jsonl',
      'progress.json',
      'train.log',
    ]);
    assert.deepEqual(namesIn(join(run, 'last')), ['state.safetensors']);
    const { state, stage, epochs: of } = JSON.parse(readFileSync(join(run, 'progress.json'), 'utf8'));
    assert.deepEqual([state, stage, of], ['finished', 'validate', 2]);
    const epochs = readLines(join(run, 'metrics.jsonl'));
    assert.deepEqual(
      epochs.map(({ phase, epoch, size, numClasses }) => [phase, epoch, size, numClasses]),
      [
        ['full', 1, 32, 3],
        ['full', 2, 32, 3],
      ],
    );
    for (const { macroF1, macroF1Low, macroF1High } of epochs) {
      assert.ok(Number(macroF1Low) <= Number(macroF1) && Number(macroF1) <= Number(macroF1High));
    }
    const predictions = readLines(join(run, 'predictions.jsonl'));
    assert.equal(predictions.length, 18);
    assert.deepEqual(Object.keys(predictions[0]!), ['file', 'label', 'logits']);
    const environment = JSON.parse(readFileSync(join(run, 'environment.json'), 'utf8'));
    assert.deepEqual(environment.dataset.classes, ['blue', 'green', 'red']);
    assert.deepEqual([environment.dataset.train, environment.dataset.val], [48, 18]);
  });

  test('logs what it showed', () => {
    const log = readFileSync(join(run, 'train.log'), 'utf8');
    for (const line of printed.split('\n')) assert.ok(log.includes(line), line);
  });

  test('makes the same weights, bit for bit, of the same configuration', async () => {
    await succeed(['train', 'discs', ...training, '--run', 'again', '--track', 'tensorboard'], folder);
    assert.equal(sha256(join(folder, 'again/best.safetensors')), sha256(join(run, 'best.safetensors')));
    assert.equal(namesIn(join(folder, 'again')).filter((name) => name.includes('tfevents')).length, 1);
    process.env.MLFLOW_TRACKING_URI = 'http://127.0.0.1:1';
    const other = ['train', 'discs', ...training, '--seed', '7', '--run', 'other', '--track', 'mlflow'];
    const text = await succeed(other, folder).finally(() => delete process.env.MLFLOW_TRACKING_URI);
    const note =
      'does not answer (bad port). Training goes on; to send the run later: evenhand track other --to mlflow';
    assert.equal(text.split(note).length, 2, text);
    assert.notEqual(sha256(join(folder, 'other/best.safetensors')), sha256(join(run, 'best.safetensors')));
  });

  test('does not touch a run that is there', async () => {
    const before = sha256(join(run, 'config.json'));
    const message = await refusal(['train', 'discs', ...SMALL, '--run', 'runs/discs-fast-1'], folder);
    assert.match(message, /already holds a run: .*--resume runs\/discs-fast-1/);
    assert.equal(sha256(join(run, 'config.json')), before);
  });

  test('does not start with images that cannot be read, or goes on without them and records them', async () => {
    copyFolder(join(folder, 'discs'), join(folder, 'bad'));
    writeFileSync(join(folder, 'bad/train/red/page.jpg'), '<!DOCTYPE html><html></html>');
    writeFileSync(join(folder, 'bad/val/blue/empty.jpg'), '');
    const args = ['train', 'bad', ...SMALL, '--epochs', '1', '--run', 'skipped'];
    const message = await refusal(args, folder);
    assert.match(message, /2 images .* unreadable/);
    assert.match(message, /page\.jpg: .*HTML/);
    assert.match(message, /empty\.jpg: /);
    assert.deepEqual(namesIn(join(folder, 'skipped')), []);
    assert.match(await succeed([...args, '--on-bad-image', 'skip'], folder), /page\.jpg/);
    const { dataset } = JSON.parse(readFileSync(join(folder, 'skipped/environment.json'), 'utf8'));
    assert.deepEqual([dataset.train, dataset.val, dataset.skipped.length], [48, 18, 2]);
  });

  test('holds out validation images if the data has none, unless that is refused', async () => {
    const message = await refusal(['train', 'discs/train', ...SMALL, '--val-fraction', '0', '--run', 'blind'], folder);
    assert.match(message, /no validation images.*--val-fraction 0\.15/);
    const args = ['train', 'discs/train', ...SMALL, '--epochs', '1', '--run', 'held'];
    assert.match(await succeed(args, folder), /^The data has no validation images: 6 of 48 training images/m);
    assert.equal(readLines(join(folder, 'held/predictions.jsonl')).length, 6);
  });
});

describe('eval', () => {
  const run = 'runs/discs-fast-1';

  test('gives the Macro F1 of training on the same images, the validation images of the run', async () => {
    await succeed(['eval', run, '--csv', 'scores.csv', '--json', 'scores.json'], folder);
    const best = readLines(join(folder, run, 'metrics.jsonl')).findLast((epoch) => epoch.best)!;
    const scores = JSON.parse(readFileSync(join(folder, 'scores.json'), 'utf8'));
    const { macroF1, accuracy, macroF1Interval } = scores;
    assert.deepEqual(
      { macroF1, accuracy, low: macroF1Interval.low, high: macroF1Interval.high },
      { macroF1: best.macroF1, accuracy: best.accuracy, low: best.macroF1Low, high: best.macroF1High },
    );
    const rows = readFileSync(join(folder, 'scores.csv'), 'utf8').trim().split('\n');
    assert.equal(rows[0], 'label,precision,recall,f1,support,predicted');
    assert.deepEqual(
      rows.slice(1).map((row) => [row.split(',')[0], row.split(',')[4]]),
      [
        ['blue', '6'],
        ['green', '6'],
        ['red', '6'],
      ],
    );
    const mean = rows.slice(1).reduce((sum, row) => sum + Number(row.split(',')[3]), 0) / 3;
    assert.ok(Math.abs(mean - macroF1) < 1e-12);
  });

  test('names the average, scores the chosen part, and warns of training images', async () => {
    const text = await succeed(['eval', run, 'discs', '--part', 'train'], folder);
    assert.match(text, /48 images of 3 classes\n\nWarning: All of these images are training images of this run/);
    assert.match(text, /Score the validation images of the run with: evenhand eval runs\/discs-fast-1$/m);
    assert.match(text, /Macro F1 over all 3 classes +[01]\.\d{3} \[/);
    assert.match(text, /Accuracy +[01]\.\d{3}/);
    assert.match(await refusal(['eval', run, 'discs', '--part', 'test'], folder), /--part must be train or val/);
    assert.match(await refusal(['eval', run, '--part', 'val'], folder), /DATA is missing: evenhand eval RUN DATA/);
  });

  test('refuses labels that the run does not know', async () => {
    writeFileSync(join(folder, 'new.csv'), 'filename,label\ndiscs/val/red/0.jpg,crimson\n');
    const message = await refusal(['eval', run, 'new.csv'], folder);
    assert.match(message, /label "crimson", which is not one of the run's 3 classes/);
  });

  test('can be read by a program', async () => {
    const { stdout, code } = await evenhand(['eval', run, 'discs', '--json', '-'], folder);
    assert.equal(code, 0);
    const { numImages, trainingImages } = JSON.parse(stdout);
    assert.deepEqual([numImages, trainingImages], [18, 0]);
  });
});
