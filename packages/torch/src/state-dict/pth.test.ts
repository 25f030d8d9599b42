import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { memorySource, readBytes } from './byte-source.js';
import { WeightsFileError } from './errors.js';
import { readPthLegacy, readPthZip } from './pth.js';
import type { StorageRef } from './tensor-record.js';

const zipped = readFileSync(new URL('../../golden/state-dict/every-kind.zip.pth', import.meta.url));

function refuses(read: typeof readPthZip, bytes: Uint8Array, problem: RegExp): void {
  assert.throws(
    () => read(memorySource('x.pth', bytes)),
    (error: unknown) => {
      assert.ok(error instanceof WeightsFileError, String(error));
      assert.match(error.message, problem);
      return true;
    },
  );
}

/** The archive with one name replaced by another of the same length, in the directory and in the entry. */
function renamed(from: string, to: string): Uint8Array {
  return Buffer.from(zipped.toString('latin1').replaceAll(from, to), 'latin1');
}

test('a zip archive without a pickle or a storage is refused', () => {
  refuses(readPthZip, renamed('/data.pkl', '/data.txt'), /not written by torch\.save: it has no data\.pkl/);
  refuses(readPthZip, renamed('/data/7', '/date/7'), /lacks the entry .*data\/7/);
});

test('a storage that is too short is refused', () => {
  const bytes = Buffer.from(zipped);
  const name = bytes.lastIndexOf('/data/7');
  const entry = bytes.lastIndexOf('PK\x01\x02', name);
  const size = bytes.readUInt32LE(entry + 24);
  bytes.writeUInt32LE(size - 1, entry + 24);
  refuses(readPthZip, bytes, new RegExp(`data/7" has ${size - 1} bytes instead of ${size}`));
});

/** A legacy file with two int16 storages `a` and `b`, a list of storages and their bytes. */
function legacy({ magic = '6cfc9c46f9206aa85019', version = 1001, keys = ['a', 'b'], lengths = [2, 1] }): Uint8Array {
  const text = (value: string) => `U${String.fromCharCode(value.length)}${value}`;
  const pickle = (body: string) => Buffer.from(`\x80\x02${body}.`, 'latin1');
  const storage = (key: string, numel: number) =>
    `(${text('storage')}ctorch\nShortStorage\n${text(key)}${text('cpu')}K${String.fromCharCode(numel)}NtQ`;
  const int16 = Buffer.alloc(2);
  int16.writeUInt16LE(version);
  const parts = [
    pickle(`\x8a\x0a${Buffer.from(magic, 'hex').toString('latin1')}`),
    pickle(`M${int16.toString('latin1')}`),
    pickle('}'),
    pickle(`${storage('a', 2)}${storage('b', 1)}\x86`),
    pickle(keys.length > 0 ? `](${keys.map(text).join('')}e` : '}'),
  ];
  for (const [i, length] of lengths.entries()) {
    const head = Buffer.alloc(8);
    head.writeBigInt64LE(BigInt(length));
    parts.push(head, Buffer.alloc(Math.max(0, length) * 2, i + 1));
  }
  return Buffer.concat(parts);
}

test('the storages of a legacy file have the order of its list of keys', () => {
  const { contents, openStorage } = readPthLegacy(memorySource('x.pth', legacy({ keys: ['b', 'a'], lengths: [1, 2] })));
  const storages = (contents as StorageRef[]).map((storage) => openStorage(storage)!);
  assert.deepEqual(
    storages.map((source) => [...readBytes(source, 0, source.size)]),
    [
      [2, 2, 2, 2],
      [1, 1],
    ],
  );
});

test('a legacy file with storages that do not match its pickle is refused', () => {
  readPthLegacy(memorySource('x.pth', legacy({})));
  const cases: [Parameters<typeof legacy>[0], RegExp][] = [
    [{ magic: '00fc9c46f9206aa85019' }, /not written by torch\.save/],
    [{ version: 1000 }, /legacy protocol 1000; only 1001/],
    [{ keys: [] }, /list of storages is missing/],
    [{ keys: ['a', 'c'] }, /list of storages contains an unknown one/],
    [{ keys: ['a', 'a'], lengths: [2, 2] }, /has "a" twice/],
    [{ keys: ['a'] }, /lacks the bytes of storage "b"/],
    [{ lengths: [2, 3] }, /storage "b" has 3 elements instead of 1/],
    [{ lengths: [2, -1] }, /storage "b" has -1 elements instead of 1/],
    [{ lengths: [2] }, /8 bytes are needed at position/],
  ];
  for (const [change, problem] of cases) refuses(readPthLegacy, legacy(change), problem);
  refuses(readPthLegacy, legacy({}).subarray(0, -1), /2 bytes are needed at position/);
});
