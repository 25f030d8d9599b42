// What the herbarium writes is what the reader takes, and what `check` finds wrong in it is what was put in.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { writeHerbarium } from '@evenhand/herbarium';
import { check, readDataset } from 'evenhand';

test('a herbarium is read and checked', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'evenhand-herbarium-'));
  try {
    const options = {
      species: 6,
      size: 64,
      mostImages: 6,
      fewestImages: 2,
      valPerClass: 1,
      testPerClass: 1,
      brokenFiles: 3,
    };
    const summary = await writeHerbarium(folder, options);
    const data = await readDataset(folder);
    assert.deepEqual(
      data.classes,
      summary.species.map(({ name }) => name),
    );
    assert.equal(data.train.length, summary.train);
    assert.equal(data.val.length, summary.val);
    const report = await check(data);
    assert.deepEqual(report.bad.map(({ file }) => basename(file)).sort(), [...summary.brokenFiles].sort());
  } finally {
    rmSync(folder, { recursive: true });
  }
});
