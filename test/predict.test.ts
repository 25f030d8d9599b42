// A model file from the command line: exported, used for prediction, with a time limit, and interrupted.
import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  evenhand,
  namesIn,
  readLines,
  refusal,
  sha256,
  start,
  succeed,
  succeedAlone,
  temporaryFolder,
  until,
} from './support.js';
import { copyTrainedRun } from './trained-run.js';

const { path: folder, remove } = temporaryFolder();
const RUN = 'runs/discs';
const at = (...parts: string[]): string => join(folder, ...parts);
const rowsOf = (file: string): string[] => readFileSync(at(file), 'utf8').trim().split('\n');

before(async () => {
  await copyTrainedRun(folder, RUN);
  // The competition's layout, with ids that are not the file names.
  mkdirSync(at('test/images/deep'), { recursive: true });
  const rows = ['image_id,filename'];
  for (const label of ['red', 'green', 'blue']) {
    for (let i = 0; i < 12; i++) {
      const name = i % 2 === 0 ? `${label}-${i}.jpg` : `deep/${label} ${i}.jpg`;
      copyFileSync(at(`discs/val/${label}/${i}.jpg`), at('test/images', name));
      rows.push(`${label}_${i},"${name}"`);
    }
  }
  writeFileSync(at('test.csv'), `${rows.join('\n')}\n`);
});
after(remove);

describe('export', () => {
  test('has been done by the training, and says by request what it holds and how it compares', async () => {
    assert.ok(existsSync(at(RUN, 'model.onnx')));
    const text = await succeed(['export', RUN, '--out', 'again.onnx'], folder);
    assert.match(
      text,
      /^again\.onnx: efficientnet_mini, 3 classes, 32 px, \d\.\d MB; decision rule: most probable class; licence of the pretrained weights: apache-2\.0\n/,
    );
    assert.match(text, /Macro F1 of 36 validation images: \d\.\d{3} \[/);
    const difference = /Checked on 16 validation images: logits differ from the checkpoint's by at most (\S+)/.exec(
      text,
    )?.[1];
    assert.ok(Number(difference) < 1e-4, text);
    assert.equal(sha256(at('again.onnx')), sha256(at(RUN, 'model.onnx')));
  });

  test('in 16 bits is half as large and says what that costs', async () => {
    const text = await succeed(['export', RUN, '--fp16', '--out', 'half.onnx'], folder);
    assert.match(
      text,
      /Half precision, checked on 36 validation images: logits differ .*, Macro F1 \d\.\d{3} before and/,
    );
    const [half, whole] = [readFileSync(at('half.onnx')).length, readFileSync(at('again.onnx')).length];
    assert.ok(half < 0.53 * whole, `${half} of ${whole}`);
    await succeed(['predict', 'half.onnx', 'discs/val/red/0.jpg'], folder);
  });

  test('makes weights from elsewhere a model file', async () => {
    writeFileSync(at('labels.txt'), 'blue\ngreen\nred\n');
    const weights = join(RUN, 'best.safetensors');
    const args = ['--model', 'efficientnet_mini', '--weights', weights, '--labels', 'labels.txt', '--image-size', '32'];
    assert.match(
      await succeed(['export', ...args, '--out', 'made/there.onnx'], folder),
      /^made\/there\.onnx: efficientnet_mini/,
    );
    const predict = async (model: string) =>
      (await succeed(['predict', model, 'discs/val', '--json'], folder))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).label);
    assert.deepEqual(await predict('made/there.onnx'), await predict(RUN));
  });

  const mistakes: [name: string, args: string[], message: RegExp][] = [
    ['of nothing', ['export'], /--model is missing|RUN is missing/],
    ['of a folder that is no run', ['export', 'discs'], /discs holds no run/],
    [
      'of a run and of weights',
      ['export', RUN, '--model', 'efficientnet_mini'],
      /--model is for weights from elsewhere/,
    ],
    ['without labels', ['export', '--model', 'efficientnet_mini', '--weights', 'x.pth'], /--labels is missing/],
    [
      'of an unknown model',
      ['export', '--model', 'resnet', '--weights', 'x', '--labels', 'x'],
      /Unknown model "resnet"; did you mean resnet18\?/,
    ],
    [
      'of weights that are not there',
      ['export', '--model', 'efficientnet_mini', '--weights', 'x.pth', '--labels', 'labels.txt'],
      /x\.pth: /,
    ],
    [
      'of weights of another number of classes',
      ['export', '--model', 'efficientnet_mini', '--weights', `${RUN}/best.safetensors`, '--labels', 'two.txt'],
      /best\.safetensors does not match the model.*classifier\.1/,
    ],
    [
      'of weights of another model',
      ['export', '--model', 'efficientnet_b0', '--weights', `${RUN}/best.safetensors`, '--labels', 'labels.txt'],
      /best\.safetensors does not match the model/,
    ],
  ];
  before(() => writeFileSync(at('two.txt'), 'blue\nred\n'));
  for (const [name, args, message] of mistakes) {
    test(`${name} is refused by a sentence`, async () => assert.match(await refusal(args, folder), message));
  }
});

describe('predict', () => {
  test('predicts every row of a CSV file in order, with its ids', async () => {
    const text = await succeedAlone(
      ['predict', RUN, '--csv', 'test.csv', '--tta', 'flip', '--probs', 'probs.csv', '--out', 'predicted.csv'],
      folder,
    );
    assert.match(
      text,
      /^Predicted 36 images in 0:\d\d \(\d+\.\d images\/s\) on cpu\.\nWrote predicted\.csv and the probabilities, probs\.csv\.\n$/,
    );
    const ids = rowsOf('test.csv').map((row) => row.split(',')[0]);
    const rows = rowsOf('predicted.csv').map((row) => row.split(','));
    assert.deepEqual(
      rows.map(([id]) => id),
      ids,
    );
    assert.deepEqual(rows[0], ['image_id', 'label']);
    const probs = rowsOf('probs.csv').map((row) => row.split(','));
    assert.deepEqual(probs[0], ['image_id', 'blue', 'green', 'red']);
    for (const [i, [id, ...cells]] of probs.slice(1).entries()) {
      const numbers = cells.map(Number);
      assert.equal(id, ids[i + 1]);
      assert.ok(Math.abs(numbers.reduce((sum, p) => sum + p, 0) - 1) < 1e-6);
      assert.equal(probs[0]![1 + numbers.indexOf(Math.max(...numbers))], rows[i + 1]![1]);
    }
    assert.deepEqual(
      namesIn(folder).filter((name) => /partial|tmp/.test(name)),
      [],
    );
  });

  test('predicts the same with any number of threads, to the last digit', async () => {
    for (const threads of ['1', '3']) {
      const args = [
        '--csv',
        'test.csv',
        '--tta',
        'flip',
        '--threads',
        threads,
        '--probs',
        `p${threads}.csv`,
        '--out',
        'a.csv',
      ];
      await succeed(['predict', RUN, ...args], folder);
      assert.deepEqual(rowsOf(`p${threads}.csv`), rowsOf('probs.csv'), `${threads} threads`);
      assert.deepEqual(rowsOf('a.csv'), rowsOf('predicted.csv'));
    }
  });

  test('is divided among machines by --shard, and --merge gives the same files', async () => {
    const args = [
      'predict',
      RUN,
      '--csv',
      'test.csv',
      '--tta',
      'flip',
      '--probs',
      'merged-probs.csv',
      '--out',
      'merged.csv',
    ];
    const shard = (part: string) => succeed([...args, '--shard', part], folder);
    const merge = [...args, '--merge'];
    assert.match(await refusal(merge, folder), /There are no shards of merged\.csv/);
    await shard('2/3');
    const file = at('merged.csv.shard-1-of-3');
    assert.match(await shard('1/3'), /Predicted 12 images.*\nWrote merged\.csv\.shard-1-of-3\.\nThis is shard 1 of 3/);
    assert.match(await refusal(merge, folder), /Of the 3 shards of merged\.csv, these are missing: 0\n/);
    await shard('0/3');
    // A machine was switched off.
    const lines = readFileSync(file, 'utf8').split('\n');
    writeFileSync(file, `${lines.slice(0, 5).join('\n')}\n${lines[5]!.slice(0, 9)}`);
    assert.match(await refusal(merge, folder), /Shard 1 of 3 has 4 of 12 predictions .*: run it again/);
    assert.match(await shard('1/3'), /^Predicted 8 images/);
    assert.match(await refusal([...merge.slice(0, 4), '--merge', '--out', 'merged.csv'], folder), /another --tta/);
    assert.equal(await succeed(merge, folder), 'Merged 36 predictions of 3 shards into merged.csv.\n');
    assert.deepEqual(rowsOf('merged.csv'), rowsOf('predicted.csv'));
    assert.deepEqual(rowsOf('merged-probs.csv'), rowsOf('probs.csv'));
    assert.deepEqual(namesIn(folder).filter((name) => name.includes('shard')), []); // biome-ignore format: one line
    assert.match(await refusal([...args, '--shard', '3/3'], folder), /--shard must be I\/N with I from 0 to N - 1/);
  });

  test('agrees with the validation of the training', async () => {
    const predicted = new Map<string, string>();
    for (const line of (await succeed(['predict', RUN, 'discs/val', '--json'], folder)).trim().split('\n')) {
      const { file, label } = JSON.parse(line);
      predicted.set(file.replace('discs/', ''), label);
    }
    const classes = ['blue', 'green', 'red'];
    for (const { file, logits } of readLines(at(RUN, 'predictions.jsonl')) as unknown as {
      file: string;
      logits: number[];
    }[]) {
      assert.equal(predicted.get(file), classes[logits.indexOf(Math.max(...logits))], file);
    }
    assert.equal(predicted.size, 36);
  });

  test('prints a single image with bars, several on one line each, and JSON for programs', async () => {
    const one = await succeed(['predict', RUN, 'discs/val/red/0.jpg', '--top-k', '2'], folder);
    assert.match(one, /^discs\/val\/red\/0\.jpg\n {2}\w+ +\d+\.\d % .*\n {2}\w+ +\d+\.\d %.*\n$/);
    const many = await succeed(['predict', join(RUN, 'model.onnx'), 'discs/val/red/0.jpg', 'discs/val/blue'], folder);
    assert.equal(many.trim().split('\n').length, 13);
    for (const line of many.trim().split('\n')) assert.match(line, /^discs\/val\/\S+ {2}(\w+ \d+\.\d %(, )?){3}$/);
    const [line] = (await succeed(['predict', RUN, 'discs/val/red', '--json', '--tta', 'flip+scales'], folder)).split(
      '\n',
    );
    const { id, label, probability, top, views } = JSON.parse(line!);
    assert.deepEqual(
      [id, views, top.length, top[0].label, top[0].probability],
      ['discs/val/red/0.jpg', 4, 3, label, probability],
    );
  });

  test('writes a CSV file for folders as well', async () => {
    await succeed(['predict', RUN, 'discs/val/green', '--out', 'folder.csv'], folder);
    const [head, ...rows] = rowsOf('folder.csv');
    assert.equal(head, 'filename,label');
    assert.equal(rows.length, 12);
    assert.match(rows[0]!, /^discs\/val\/green\/0\.jpg,(red|green|blue)$/);
  });
});

describe('predict, with a time limit', () => {
  // Enough rows for minutes with every view.
  const ROWS = 40_000;
  before(() => {
    const rows = Array.from({ length: ROWS }, (_, i) => `${i},discs/val/red/${i % 12}.jpg`);
    writeFileSync(at('many.csv'), `image_id,filename\n${rows.join('\n')}\n`);
  });

  test('drops views if they do not fit, and predicts every row in time', async () => {
    // The time of one view of each image, with a margin.
    const begin = performance.now();
    await succeedAlone(['predict', RUN, '--csv', 'test.csv', '--out', 'warm.csv'], folder);
    const startUp = performance.now() - begin;
    writeFileSync(at('some.csv'), `${rowsOf('many.csv').slice(0, 2001).join('\n')}\n`);
    const plain = performance.now();
    await succeedAlone(['predict', RUN, '--csv', 'some.csv', '--out', 'warm.csv'], folder);
    const oneView = performance.now() - plain - startUp;
    const seconds = Math.ceil((startUp * 1.5 + oneView * 1.6) / 1000) + 1;
    const args = ['--csv', 'some.csv', '--out', 'limited.csv', '--tta', 'flip+scales', '--time-limit', `${seconds}s`];
    const { code, stdout, stderr } = await evenhand(['predict', RUN, ...args], folder);
    assert.equal(rowsOf('limited.csv').length, 2001);
    if (code === 0 && stderr === '') return; // The machine became so fast that all views fitted.
    assert.match(stderr, /--tta flip\+scales does not fit into the time limit; using fewer views/);
    assert.match(`${stdout}${stderr}`, /Because of the time limit: .* with \d views?.* \(4 requested\)/);
  });

  test('gives every row a label even if there is no time for anything, and says so', async () => {
    const args = ['--csv', 'many.csv', '--out', 'late.csv', '--tta', 'flip', '--time-limit', '2s'];
    const { code, stderr } = await evenhand(['predict', RUN, ...args], folder);
    assert.equal(code, 3, stderr);
    const left = /There was no time for ([\d,]+) images, which were assigned the most frequent class, blue\./.exec(
      stderr,
    );
    assert.ok(left, stderr);
    assert.equal(rowsOf('late.csv').length, ROWS + 1);
  });
});

describe('predict, interrupted', () => {
  const args = ['predict', RUN, '--csv', 'many.csv', '--out', 'kept.csv', '--threads', '1'];
  const partial = at('kept.csv.partial');
  const size = (): number => (existsSync(partial) ? readFileSync(partial).length : 0);

  test('saves what is done, is not started over by accident, and ends with the same predictions after --resume', async () => {
    const rows = rowsOf('many.csv').slice(0, 1201);
    writeFileSync(at('kept-in.csv'), `${rows.join('\n')}\n`);
    const own = args.map((arg) => (arg === 'many.csv' ? 'kept-in.csv' : arg));
    const running = start(own, folder);
    await until(running, () => size() > 3000);
    running.signalAll('SIGINT');
    const { code, stderr } = await running.ended;
    assert.equal(code, 130, stderr);
    assert.match(
      stderr,
      /interrupted after [\d,]+ of 1,200 images; [\d,]+ predictions saved: run the same command with --resume/,
    );
    assert.ok(!existsSync(at('kept.csv')));

    assert.match(await refusal(own, folder), /kept\.csv\.partial has the predictions of an interrupted run/);
    assert.match(
      await refusal([...own, '--tta', 'flip', '--resume'], folder),
      /belongs to a prediction with another --tta/,
    );

    // A crash leaves half a line.
    appendFileSync(partial, '{"label":"re');
    const killed = start([...own, '--resume'], folder);
    const before = size();
    await until(killed, () => size() > before + 3000);
    killed.signalAll('SIGKILL');
    await killed.ended;

    await succeed([...own, '--resume'], folder);
    assert.ok(!existsSync(partial));
    await succeed(['predict', RUN, '--csv', 'kept-in.csv', '--out', 'whole.csv'], folder);
    assert.deepEqual(rowsOf('kept.csv'), rowsOf('whole.csv'));
  });

  test('cannot be resumed if nothing was interrupted', async () => {
    assert.match(
      await refusal(['predict', RUN, '--csv', 'test.csv', '--out', 'new.csv', '--resume'], folder),
      /nothing was interrupted/,
    );
  });
});
