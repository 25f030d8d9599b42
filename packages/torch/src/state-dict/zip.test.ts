import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type ByteSource, memorySource, readBytes } from './byte-source.js';
import { WeightsFileError } from './errors.js';
import { openZipEntry, readZipDirectory } from './zip.js';

const golden = new URL('../../golden/state-dict/', import.meta.url);
const deflated = readFileSync(new URL('every-kind.deflated.pth', golden));
const directory = deflated.indexOf('PK\x01\x02');
const end = deflated.lastIndexOf('PK\x05\x06');

/** Opens the first entry of the archive after a change to it. */
function openFirst(change: (bytes: Buffer) => void): ByteSource {
  const bytes = Buffer.from(deflated);
  change(bytes);
  const source = memorySource('x.zip', bytes);
  return openZipEntry(source, [...readZipDirectory(source).values()][0]!);
}

function refuses(problem: RegExp, change: (bytes: Buffer) => void): void {
  assert.throws(
    () => openFirst(change),
    (error: unknown) => {
      assert.ok(error instanceof WeightsFileError, String(error));
      assert.match(error.message, problem);
      return true;
    },
  );
}

test('a deflated entry has the same content as a stored one', () => {
  const contentOf = (name: string) => {
    const source = memorySource(name, readFileSync(new URL(name, golden)));
    const data = [...readZipDirectory(source).values()].map((entry) => {
      const bytes = openZipEntry(source, entry);
      return [entry.name.replace(/^[^/]+/, ''), Buffer.from(readBytes(bytes, 0, bytes.size)).toString('hex')] as const;
    });
    return new Map(data);
  };
  assert.deepEqual(contentOf('every-kind.deflated.pth'), contentOf('every-kind.zip.pth'));
});

test('an archive may end with a comment, even one that looks like the end of the archive', () => {
  const comment = Buffer.from('PK\x05\x06 is not the end of this archive');
  const bytes = Buffer.concat([deflated, comment]);
  bytes.writeUInt16LE(comment.length, end + 20);
  assert.deepEqual(
    [...readZipDirectory(memorySource('x', bytes)).keys()],
    [...readZipDirectory(memorySource('x', deflated)).keys()],
  );
});

test('an entry that claims an impossible size, or unpacks to another size, is refused', () => {
  const size = deflated.readUInt32LE(directory + 24);
  assert.equal(openFirst(() => {}).size, size);
  refuses(/claims to unpack \d+ bytes to 2147483647/, (bytes) => bytes.writeUInt32LE(2 ** 31 - 1, directory + 24));
  refuses(/cannot be unpacked/, (bytes) => bytes.writeUInt32LE(size - 1, directory + 24));
  refuses(/unpacks to \d+ bytes instead of/, (bytes) => bytes.writeUInt32LE(size + 1, directory + 24));
  refuses(/cannot be unpacked/, (bytes) => bytes.writeUInt32LE(10, directory + 20));
});

test('a damaged directory is refused', () => {
  refuses(/no zip directory/, (bytes) => bytes.fill(0, end));
  refuses(/zip directory is damaged/, (bytes) => bytes.fill(0, directory, directory + 4));
  refuses(/zip directory is damaged/, (bytes) => bytes.writeUInt16LE(0xffff, end + 10));
  refuses(/zip directory is damaged/, (bytes) => bytes.writeUInt16LE(0xffff, directory + 28));
  refuses(/is needed|are needed/, (bytes) => bytes.writeUInt32LE(0xfffffff0, end + 16));
  refuses(/directory claims 4294967295 bytes/, (bytes) => bytes.writeUInt32LE(0xffffffff, end + 12));
  refuses(/is encrypted/, (bytes) => bytes.writeUInt16LE(1, directory + 8));
  refuses(/unsupported method 12/, (bytes) => bytes.writeUInt16LE(12, directory + 10));
  refuses(/has two different sizes/, (bytes) => bytes.writeUInt16LE(0, directory + 10));
  refuses(/is not where the zip directory says/, (bytes) => bytes.writeUInt32LE(1, directory + 42));
});
