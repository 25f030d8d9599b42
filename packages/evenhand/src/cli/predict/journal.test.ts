import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { UsageError } from '../output/errors.js';
import { type Entry, Journal } from './journal.js';

let folder = '';
let out = '';
let partial = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evenhand-journal-'));
  out = join(folder, 'predictions.csv');
  partial = `${out}.partial`;
});
afterEach(() => rmSync(folder, { recursive: true }));

const head = { model: 'abc', tta: 'flip', images: 'def', probs: false };
// The second label has a line separator, which JSON does not escape.
const predictions: readonly Entry[] = [
  { label: 'cat', probability: 0.75, views: 2 },
  { label: 'é\u2028"猫"\r\n', probability: 0.5, views: 2, probabilities: [0.5, 0.25, 0.25] },
  { label: 'cat', probability: null, views: 0, error: 'is cut short' },
];

async function entriesOf(journal: Journal): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of journal.entries()) entries.push(entry);
  return entries;
}

/** Leaves a journal with these predictions, as an interruption does. */
async function interrupted(entries: readonly Entry[] = predictions): Promise<void> {
  const journal = await Journal.open(out, head, false);
  for (const entry of entries) journal.add(entry);
  journal.close({ remove: false });
}

const refused = (promise: Promise<unknown>, message: string): Promise<void> =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.equal(error.message, message);
    return true;
  });

describe('a journal', () => {
  test('returns all predictions in order, and is removed when all rows are done', async () => {
    const journal = await Journal.open(out, head, false);
    assert.deepEqual([journal.done, journal.failed], [0, 0]);
    const many = Array.from({ length: 1000 }, (_, i): Entry => ({ ...predictions[i % 3]!, views: i }));
    for (const entry of many) journal.add(entry);
    assert.deepEqual(await entriesOf(journal), many);
    assert.deepEqual(await entriesOf(journal), many, 'repeatedly');
    journal.close({ remove: true });
    assert.equal(existsSync(partial), false);
  });

  test('without predictions is empty', async () => {
    const journal = await Journal.open(out, head, false);
    assert.deepEqual(await entriesOf(journal), []);
    journal.close({ remove: true });
  });

  test('is written often, so that a crash loses few predictions', async () => {
    const journal = await Journal.open(out, head, false);
    for (let i = 0; i < 200; i++) journal.add(predictions[0]!);
    assert.ok(readFileSync(partial, 'utf8').split('\n').length > 100);
    journal.close({ remove: true });
  });
});

describe('an interrupted journal', () => {
  test('continues after its last prediction', async () => {
    await interrupted();
    const journal = await Journal.open(out, head, true);
    assert.deepEqual([journal.done, journal.failed], [3, 1]);
    journal.add({ label: 'owl', probability: 1, views: 1 });
    assert.deepEqual(await entriesOf(journal), [...predictions, { label: 'owl', probability: 1, views: 1 }]);
    journal.close({ remove: false });
    assert.equal((await Journal.open(out, head, true)).done, 4);
  });

  test('drops a prediction that a crash has cut off, wherever it was cut', async () => {
    await interrupted();
    const whole = readFileSync(partial);
    const last = whole.lastIndexOf('\n', whole.length - 2) + 1;
    for (let length = last; length < whole.length; length++) {
      writeFileSync(partial, whole.subarray(0, length));
      const journal = await Journal.open(out, head, true);
      assert.deepEqual([journal.done, journal.failed], [2, 0], `${length} bytes`);
      journal.add(predictions[2]!);
      assert.deepEqual(await entriesOf(journal), predictions, `${length} bytes`);
      journal.close({ remove: false });
      assert.deepEqual(readFileSync(partial), whole);
    }
  });

  test('drops everything after a damaged line', async () => {
    await interrupted();
    appendFileSync(partial, '\0\0\0\0\n{"label":"owl","probability":1,"views":1}\n');
    const journal = await Journal.open(out, head, true);
    assert.equal(journal.done, 3);
    assert.deepEqual(await entriesOf(journal), predictions);
    journal.close({ remove: true });
  });

  test('starts over if not even its first line is complete', async () => {
    for (const text of ['', '{"model":"ab', 'nonsense\n{"label":"owl"}\n']) {
      writeFileSync(partial, text);
      const journal = await Journal.open(out, head, true);
      assert.equal(journal.done, 0);
      journal.add(predictions[0]!);
      assert.deepEqual(await entriesOf(journal), [predictions[0]]);
      journal.close({ remove: true });
    }
  });

  test('of another model, other views, images or files is refused and not changed', async () => {
    await interrupted();
    const before = readFileSync(partial);
    const others = { model: 'xyz', tta: 'none', images: 'xyz', probs: true };
    const names = { model: 'model', tta: '--tta', images: 'list of images', probs: 'choice of --probs' };
    for (const key of ['model', 'tta', 'images', 'probs'] as const) {
      await refused(
        Journal.open(out, { ...head, [key]: others[key] }, true),
        `${partial} belongs to a prediction with another ${names[key]} and cannot be resumed; remove the file to start over`,
      );
    }
    assert.deepEqual(readFileSync(partial), before);
  });

  test('is not overwritten, and resume needs one', async () => {
    await refused(
      Journal.open(out, head, true),
      `${out}: nothing was interrupted (there is no ${partial}); start without --resume`,
    );
    await interrupted();
    await refused(
      Journal.open(out, head, false),
      `${partial} has the predictions of an interrupted run; continue it with --resume, or remove the file to start over`,
    );
    truncateSync(partial, 5);
    await assert.rejects(Journal.open(out, head, false), UsageError);
  });
});

test('a journal without predictions leaves no file behind', async () => {
  await interrupted([]);
  assert.equal(existsSync(partial), false);
});

test('a folder that does not exist is named', async () => {
  const nowhere = join(folder, 'no', 'predictions.csv');
  await assert.rejects(Journal.open(nowhere, head, false), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /no\/predictions\.csv\.partial: cannot be written: /);
    return true;
  });
});
