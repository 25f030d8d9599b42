import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { DataError } from '../errors.js';
import { applyCorrections } from './corrections.js';
import type { Dataset } from './formats.js';

const folder = mkdtempSync(join(tmpdir(), 'evenhand-corrections-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const dataset: Dataset = {
  classes: ['rose', 'oak, red'],
  train: [
    { file: join(folder, 'a.jpg'), label: 0 },
    { file: join(folder, 'b.jpg'), label: 0 },
    { file: join(folder, 'b.jpg'), label: 1 },
    { file: join(folder, 'c.jpg'), label: 1 },
  ],
  val: [{ file: join(folder, 'v.jpg'), label: 1 }],
};

function apply(...rows: readonly string[]) {
  const file = join(folder, 'corrections.csv');
  writeFileSync(file, `file,given,verdict,label\n${rows.map((row) => `${row}\n`).join('')}`);
  return applyCorrections(dataset, folder, file);
}

describe('corrections', () => {
  test('relabel images, confirm labels and remove images', async () => {
    const done = await apply(
      'a.jpg,rose,accept,"oak, red"',
      './b.jpg,rose,drop,',
      'c.jpg,"oak, red",keep,"oak, red"',
      'v.jpg,"oak, red",accept,rose',
    );
    assert.deepEqual(
      done.dataset.train.map(({ file, label }) => [file.slice(-5), label]),
      [
        ['a.jpg', 1],
        ['b.jpg', 1],
        ['c.jpg', 1],
      ],
    );
    assert.equal(done.dataset.val[0]!.label, 0);
    assert.deepEqual([done.changed, done.confirmed.size, done.dropped], [2, 3, 1]);
    assert.ok(done.confirmed.has(done.dataset.train[0]!) && !done.confirmed.has(done.dataset.train[1]!));
  });

  test('that do not fit the data are refused with their line', async () => {
    for (const [row, expected] of [
      ['z.jpg,rose,drop,', /corrections\.csv, line 2: .* has no image "z\.jpg" with the label "rose"/],
      ['a.jpg,"oak, red",drop,', /line 2: .* has no image "a\.jpg" with the label "oak, red"/],
      ['a.jpg,rose,perhaps,', /line 2: the verdict is "perhaps"; expected accept, keep or drop/],
      ['a.jpg,rose,accept,tulip', /line 2: the label "tulip" is not one of the 2 labels/],
    ] as const) {
      await assert.rejects(apply(row), (error) => error instanceof DataError && expected.test(error.message));
    }
    writeFileSync(join(folder, 'other.csv'), 'file,label\na.jpg,rose\n');
    await assert.rejects(applyCorrections(dataset, folder, join(folder, 'other.csv')), /given/);
    await assert.rejects(applyCorrections(dataset, folder, join(folder, 'none.csv')), /none\.csv/);
  });
});
