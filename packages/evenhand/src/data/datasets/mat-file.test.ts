import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readMatFile } from './mat-file.js';

const golden = (name: string): Uint8Array => readFileSync(new URL(`../../../golden/data/${name}`, import.meta.url));

// Made by scipy (tools/golden_mat.py): compressed and not, of several types, some small enough to be stored in the tag.
test('arrays are read as scipy wrote them', () => {
  assert.deepEqual(Array.from(readMatFile(golden('imagelabels.mat'), 'a').get('labels')!), [3, 1, 2, 1, 3, 2, 1, 2, 3]);
  const split = readMatFile(golden('setid.mat'), 'b');
  assert.deepEqual([...split.keys()], ['trnid', 'valid', 'tstid']);
  assert.deepEqual(
    [...split.values()].map((array) => Array.from(array)),
    [
      [2, 1, 3],
      [4, 5],
      [9, 6, 7, 8],
    ],
  );
});

test('other files and truncated ones are refused by name', () => {
  const message = (bytes: Uint8Array) => {
    try {
      return readMatFile(bytes, 'x.mat').size;
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.equal(message(new Uint8Array(0)), 'x.mat is not a MATLAB file of level 5, little-endian.');
  assert.equal(message(Buffer.from('<!doctype html>')), 'x.mat is not a MATLAB file of level 5, little-endian.');
  for (const name of ['imagelabels.mat', 'setid.mat']) {
    const whole = golden(name);
    assert.match(String(message(whole.subarray(0, whole.length - 20))), /^x\.mat is damaged: /, name);
  }
});
