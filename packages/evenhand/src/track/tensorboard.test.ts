import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PbfReader } from 'pbf';
import sharp from 'sharp';
import { epoch, runOf, twelve } from '../report/run/test-runs.test.helper.js';
import type { RunFolder } from '../run/index.js';
import { confusionImage } from './confusion-image.js';
import {
  hyperParametersEvent,
  imageEvent,
  restartEvent,
  scalarsEvent,
  sessionEndEvent,
  versionEvent,
} from './events.js';
import { sendRun } from './follow.js';
import { TensorBoard } from './tensorboard.js';
import { crc32c, tfRecord } from './tfrecord.js';

/** The records as TensorBoard writes them; made by tools/golden_tensorboard.py. */
const golden: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('../../golden/track/tensorboard.json', import.meta.url), 'utf8'),
);

describe('an event file of TensorBoard', () => {
  test('has the checksum of RFC 3720', () => {
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
    assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  });

  test('has the bytes that TensorBoard itself writes', () => {
    const image = { bytes: Uint8Array.from({ length: 256 }, (_, i) => i), width: 300, height: 2 };
    const scalars = new Map([
      ['score/macroF1', 0.1],
      ['loss/train', 0],
    ]);
    const events = {
      version: versionEvent(1.5),
      restart: restartEvent(1.5),
      scalars: scalarsEvent({ time: 2.5, step: 300 }, scalars),
      image: imageEvent({ time: 2.5, step: 3 }, 'confusion matrix', image),
      number: hyperParametersEvent(1.5, 'runs/one', { setting: 0.25 }),
      string: hyperParametersEvent(1.5, 'runs/one', { setting: 'été' }),
      bool: hyperParametersEvent(1.5, 'runs/one', { setting: true }),
      end: sessionEndEvent(9.25, 'failed'),
    };
    assert.deepEqual(Object.keys(events), Object.keys(golden));
    for (const [name, event] of Object.entries(events)) {
      assert.equal(tfRecord(event).toString('hex'), golden[name], name);
    }
  });

  test('has every epoch once, also when a run goes on, and is replaced when it is sent again', async () => {
    const run = runOf({ epochs: [epoch, { ...epoch, macroF1: Number.NaN, best: false }], predictions: twelve });
    const tracker = new TensorBoard();
    await sendRun(run.path, tracker);
    const [first] = eventFiles(run);
    assert.deepEqual(scalarsOf(run, 'score/macroF1'), [[1, Math.fround(0.6)]]);
    assert.deepEqual(tagsOf(run).get('confusion matrix'), [1]);
    run.writeEpochs([epoch, epoch, { ...epoch, macroF1: 0.75 }]);
    await sendRun(run.path, tracker);
    await sendRun(run.path, tracker);
    assert.deepEqual(eventFiles(run), [first]);
    assert.deepEqual(tagsOf(run).get('loss/train'), [1, 2, 3]);
    assert.deepEqual(tagsOf(run).get('confusion matrix'), [1, 3]);
    await sendRun(run.path, new TensorBoard());
    assert.notDeepEqual(eventFiles(run), [first]);
    assert.deepEqual(tagsOf(run).get('loss/train'), [1, 2, 3]);
    assert.deepEqual(tagsOf(run).get('_hparams_/session_end_info'), [0]);
  });

  test('is in each fold of a cross-validation, and that of the whole has the out-of-fold scores', async () => {
    const run = runOf({ epochs: [], config: { fold: 'all' }, predictions: twelve, folds: [[epoch], [epoch]] });
    assert.equal(await sendRun(run.path, new TensorBoard()), 2);
    assert.deepEqual(scalarsOf(run, 'score/accuracy'), [[1, Math.fround(9 / 12)]]);
    for (const fold of run.folds()) assert.deepEqual(scalarsOf(fold, 'score/accuracy'), [[1, 0.75]]);
  });
});

test('the confusion matrix has a row for each label and a column for each prediction', async () => {
  const image = await confusionImage({ classes: ['a', '<&>'], truth: [0, 0, 1], predicted: [1, 1, 1] });
  assert.deepEqual([image.width, image.height], [230, 230]);
  const { data, info } = await sharp(image.bytes).raw().toBuffer({ resolveWithObject: true });
  assert.equal(info.channels, 3);
  const at = (row: number, column: number) => {
    const [x, y] = [column, row].map((cell) => 150 + 40 * cell + 20) as [number, number];
    return Array.from(data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)) as [
      number,
      number,
      number,
    ];
  };
  assert.deepEqual(at(0, 0), [255, 255, 255]);
  assert.deepEqual(at(1, 0), [255, 255, 255]);
  const [[wrongRed, wrongGreen], [rightRed, rightGreen]] = [at(0, 1), at(1, 1)];
  assert.ok(wrongRed > wrongGreen && rightGreen > rightRed, `${at(0, 1)} and ${at(1, 1)}`);
  const many = await confusionImage({
    classes: Array.from({ length: 1000 }, (_, k) => `${k}`),
    truth: [999],
    predicted: [0],
  });
  assert.deepEqual([many.width, many.height], [1000, 1000]);
});

const eventFiles = (run: RunFolder): string[] => readdirSync(run.path).filter((name) => name.includes('tfevents'));

/** Every value in the event file of a run: its tag, step, and number if it is a scalar. */
function* valuesOf(run: RunFolder): Generator<{ tag: string; step: number; scalar: number }> {
  const [file, ...others] = eventFiles(run);
  assert.deepEqual(others, []);
  const bytes = readFileSync(join(run.path, file!));
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length);
    assert.deepEqual(tfRecord(data), bytes.subarray(at, at + 16 + length));
    at += 16 + length;
    let step = 0;
    const values: { tag: string; scalar: number }[] = [];
    new PbfReader(data).readFields((field, _, event) => {
      if (field === 2) step = event.readVarint();
      if (field !== 5) return;
      event.readMessage((_field, _summary, summary) => {
        const value = { tag: '', scalar: Number.NaN };
        summary.readMessage((tag, _value, inner) => {
          if (tag === 1) value.tag = inner.readString();
          if (tag === 2) value.scalar = inner.readFloat();
        }, null);
        values.push(value);
      }, null);
    }, null);
    for (const value of values) yield { ...value, step };
  }
}

const scalarsOf = (run: RunFolder, name: string): [number, number][] =>
  [...valuesOf(run)].filter(({ tag }) => tag === name).map(({ step, scalar }) => [step, scalar]);

function tagsOf(run: RunFolder): Map<string, number[]> {
  const tags = new Map<string, number[]>();
  for (const { tag, step } of valuesOf(run)) tags.set(tag, [...(tags.get(tag) ?? []), step]);
  return tags;
}
