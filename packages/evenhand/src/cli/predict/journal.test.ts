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
  out = join(folder, 'answers.csv');
  partial = `${out}.partial`;
});
afterEach(() => rmSync(folder, { recursive: true }));

const head = { model: 'abc', tta: 'flip', images: 'def', probs: false };
// The second label has a line separator, which JSON leaves as it is.
const answers: readonly Entry[] = [
  { label: 'cat', probability: 0.75, views: 2 },
  { label: 'é\u2028"猫"\r\n', probability: 0.5, views: 2, probabilities: [0.5, 0.25, 0.25] },
  { label: 'cat', probability: null, views: 0, error: 'is cut short' },
];

async function entriesOf(journal: Journal): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of journal.entries()) entries.push(entry);
  return entries;
}

/** Leaves a journal with these answers, as an interruption does. */
async function interrupted(entries: readonly Entry[] = answers): Promise<void> {
  const journal = await Journal.open(out, head, false);
  for (const entry of entries) journal.add(entry);
  journal.close(false);
}

const refused = (promise: Promise<unknown>, message: string): Promise<void> =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.equal(error.message, message);
    return true;
  });

describe('a journal', () => {
  test('gives all answers in their order, and is gone when all is done', async () => {
    const journal = await Journal.open(out, head, false);
    assert.deepEqual([journal.done, journal.unanswered], [0, 0]);
    const many = Array.from({ length: 1000 }, (_, i): Entry => ({ ...answers[i % 3]!, views: i }));
    for (const entry of many) journal.add(entry);
    assert.deepEqual(await entriesOf(journal), many);
    assert.deepEqual(await entriesOf(journal), many, 'as often as asked');
    journal.close(true);
    assert.equal(existsSync(partial), false);
  });

  test('without answers has none', async () => {
    const journal = await Journal.open(out, head, false);
    assert.deepEqual(await entriesOf(journal), []);
    journal.close(true);
  });

  test('is on the disk soon, so that a crash loses few answers', async () => {
    const journal = await Journal.open(out, head, false);
    for (let i = 0; i < 200; i++) journal.add(answers[0]!);
    assert.ok(readFileSync(partial, 'utf8').split('\n').length > 100);
    journal.close(true);
  });
});

describe('an interrupted journal', () => {
  test('goes on after its last answer', async () => {
    await interrupted();
    const journal = await Journal.open(out, head, true);
    assert.deepEqual([journal.done, journal.unanswered], [3, 1]);
    journal.add({ label: 'owl', probability: 1, views: 1 });
    assert.deepEqual(await entriesOf(journal), [...answers, { label: 'owl', probability: 1, views: 1 }]);
    journal.close(false);
    assert.equal((await Journal.open(out, head, true)).done, 4);
  });

  test('drops the answer that a crash has cut short, wherever it was cut', async () => {
    await interrupted();
    const whole = readFileSync(partial);
    const last = whole.lastIndexOf('\n', whole.length - 2) + 1;
    for (let length = last; length < whole.length; length++) {
      writeFileSync(partial, whole.subarray(0, length));
      const journal = await Journal.open(out, head, true);
      assert.deepEqual([journal.done, journal.unanswered], [2, 0], `${length} bytes`);
      journal.add(answers[2]!);
      assert.deepEqual(await entriesOf(journal), answers, `${length} bytes`);
      journal.close(false);
      assert.deepEqual(readFileSync(partial), whole);
    }
  });

  test('drops what stands after a damaged line', async () => {
    await interrupted();
    appendFileSync(partial, '\0\0\0\0\n{"label":"owl","probability":1,"views":1}\n');
    const journal = await Journal.open(out, head, true);
    assert.equal(journal.done, 3);
    assert.deepEqual(await entriesOf(journal), answers);
    journal.close(true);
  });

  test('of which not even the first line is whole begins anew', async () => {
    for (const text of ['', '{"model":"ab', 'nonsense\n{"label":"owl"}\n']) {
      writeFileSync(partial, text);
      const journal = await Journal.open(out, head, true);
      assert.equal(journal.done, 0);
      journal.add(answers[0]!);
      assert.deepEqual(await entriesOf(journal), [answers[0]]);
      journal.close(true);
    }
  });

  test('of another model, other views, images or files is refused, and stays as it is', async () => {
    await interrupted();
    const before = readFileSync(partial);
    const others = { model: 'xyz', tta: 'none', images: 'xyz', probs: true };
    for (const [key, value] of Object.entries(others)) {
      await refused(
        Journal.open(out, { ...head, [key]: value }, true),
        `${partial} was begun with another ${key}, so its answers cannot be gone on with: remove it to begin anew`,
      );
    }
    assert.deepEqual(readFileSync(partial), before);
  });

  test('is not written over, and resume needs one', async () => {
    await refused(
      Journal.open(out, head, true),
      `${out}: nothing was interrupted (there is no ${partial}); start without --resume`,
    );
    await interrupted();
    await refused(
      Journal.open(out, head, false),
      `${partial} holds the answers of an interrupted prediction: go on with it by --resume, or remove it to begin anew`,
    );
    truncateSync(partial, 5);
    await assert.rejects(Journal.open(out, head, false), UsageError);
  });
});

test('a folder that is not there is named', async () => {
  const nowhere = join(folder, 'no', 'answers.csv');
  await assert.rejects(Journal.open(nowhere, head, false), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /no\/answers\.csv\.partial: cannot be written: ENOENT/);
    return true;
  });
});
