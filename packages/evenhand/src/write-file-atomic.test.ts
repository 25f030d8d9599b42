import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { writeFileAtomic } from './write-file-atomic.js';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evenhand-atomic-'));
  file = join(folder, 'file');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('text and bytes are written completely, over what was there', () => {
  for (const content of ['é\n'.repeat(200_000), '', 'short']) {
    writeFileAtomic(file, content);
    assert.equal(readFileSync(file, 'utf8'), content);
  }
  writeFileAtomic(file, Uint8Array.of(0, 255));
  assert.deepEqual([...readFileSync(file)], [0, 255]);
  assert.deepEqual(readdirSync(folder), ['file']);
});

test('a link and permissions are kept', { skip: process.platform === 'win32' }, () => {
  writeFileSync(file, 'old');
  chmodSync(file, 0o600);
  symlinkSync(file, join(folder, 'link'));
  writeFileAtomic(join(folder, 'link'), 'new');
  assert.equal(readFileSync(file, 'utf8'), 'new');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(lstatSync(join(folder, 'link')).isSymbolicLink());
});

test('a failure leaves the old content and nothing else', () => {
  mkdirSync(file);
  writeFileSync(join(file, 'kept'), '');
  assert.throws(() => writeFileAtomic(file, 'new'), /EISDIR|ENOTEMPTY|EEXIST|EPERM/);
  assert.throws(() => writeFileAtomic(join(folder, 'no', 'file'), 'new'), /ENOENT/);
  assert.deepEqual(readdirSync(folder), ['file']);
});

// A part of the content once took the place of the file: the system writes what fits, and only the next write fails.
test('content that does not fit on the disk replaces nothing', (t) => {
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]);
  if (status !== 0) return t.skip('no small disk can be mounted here');
  try {
    writeFileAtomic(file, 'old');
    assert.throws(() => writeFileAtomic(file, 'x'.repeat(1_000_000)), { code: 'ENOSPC' });
    assert.equal(readFileSync(file, 'utf8'), 'old');
    assert.deepEqual(readdirSync(folder), ['file']);
  } finally {
    spawnSync('umount', [folder]);
  }
});
