import assert from 'node:assert/strict';
import fs, { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { safetensorsFile } from '../testing/weights-bytes.js';
import { memorySource } from './byte-source.js';
import { openWeights, type SafetensorsEntry, WeightsFileError, writeSafetensors } from './index.js';
import { readSafetensorsHeader } from './safetensors-header.js';

const golden = fileURLToPath(new URL('../../golden/state-dict/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'safetensors-'));
after(() => rmSync(folder, { recursive: true }));

function refuses(bytes: Uint8Array, problem: RegExp): void {
  assert.throws(
    () => readSafetensorsHeader(memorySource('x.safetensors', bytes)),
    (error: unknown) => {
      assert.ok(error instanceof WeightsFileError, String(error));
      assert.match(error.message, problem);
      return true;
    },
  );
}

const tensor = (begin: number, end: number, dtype = 'F32', shape: unknown = [(end - begin) / 4]) =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] });

test('headers that the reference implementation refuses are refused, with the reason', () => {
  refuses(new Uint8Array(7), /at least 8 bytes/);
  refuses(Buffer.from('ffffffffffffffff7b7d', 'hex'), /claims 18446744073709551615 bytes; at most 100000000/);
  refuses(Buffer.from('64000000000000007b7d', 'hex'), /claims 100 bytes, but the file has only 10/);
  refuses(safetensorsFile(''), /does not begin with "{"/);
  refuses(safetensorsFile(' {}'), /does not begin with "{"/);
  refuses(safetensorsFile('{"a":'), /not valid JSON/);
  refuses(safetensorsFile('{} {}'), /not valid JSON/);
  refuses(safetensorsFile(Buffer.from('7b22ff223a317d', 'hex')), /not valid JSON/);
  refuses(safetensorsFile(`{${'"a":['.repeat(2)}`), /not valid JSON/);
  refuses(safetensorsFile('{"a":1}'), /entry for tensor "a" is not an object/);
  refuses(safetensorsFile('{"__metadata__":{"a":1}}'), /metadata "a" in the header is not a string/);
  refuses(safetensorsFile('{"__metadata__":[]}'), /__metadata__ in the header is not an object/);
  refuses(
    safetensorsFile(`{"a":${tensor(0, 4, 'F8_E4M3', [4])}}`, 4),
    /"a" has the element type "F8_E4M3"; supported are F32/,
  );
  refuses(safetensorsFile(`{"a":${tensor(0, 4, 'toString')}}`, 4), /element type "toString"/);
  refuses(safetensorsFile(`{"a":${tensor(0, 4, 'F32', [-1])}}`, 4), /shape \[-1\], which is not a list of lengths/);
  refuses(safetensorsFile(`{"a":${tensor(0, 4, 'F32', [0.5])}}`, 4), /shape \[0\.5\]/);
  refuses(safetensorsFile(`{"a":${tensor(0, 4, 'F32', 1)}}`, 4), /shape 1/);
  refuses(safetensorsFile(`{"a":${tensor(0, 4, 'F32', [2])}}`, 4), /\[2\] of F32 needs 8 bytes, but has 4/);
  refuses(safetensorsFile(`{"a":${tensor(0, 0, 'F32', [2 ** 52, 2 ** 52, 0])}}`), /of F32 needs/);
  refuses(safetensorsFile(`{"a":${tensor(4, 0, 'F32', [1])}}`, 4), /offsets \[4, 0\]/);
  refuses(safetensorsFile(`{"a":${tensor(0, 4)},"b":${tensor(8, 12)}}`, 12), /"b" leave a gap/);
  refuses(safetensorsFile(`{"a":${tensor(4, 8)}}`, 8), /"a" leave a gap/);
  refuses(safetensorsFile(`{"a":${tensor(0, 8)},"b":${tensor(4, 12)}}`, 12), /"b" overlap/);
  refuses(safetensorsFile(`{"a":${tensor(0, 4)}}`, 8), /its tensors end at byte \d+, the file at byte \d+/);
  refuses(safetensorsFile(`{"a":${tensor(0, 8)}}`, 4), /its tensors end at byte \d+, the file at byte \d+/);
  refuses(safetensorsFile(`{"a":${tensor(0, 4)},"a":${tensor(0, 4)}}`, 4), /has "a" twice/);
  refuses(safetensorsFile(`{"a":${tensor(0, 4)},"\\u0061" :${tensor(0, 4)}}`, 4), /has "a" twice/);
  refuses(safetensorsFile('{"__metadata__":{"k":"{\\"k","k":""}}'), /has "k" twice/);
});

test('a header may have any order, escapes, trailing spaces, and the same word as key and as value', () => {
  const header = `{"b\\"":${tensor(4, 8)},"a":${tensor(0, 4)},"__metadata__":{"a":"a","b":"a"}}   `;
  const { tensors, metadata } = readSafetensorsHeader(memorySource('x', safetensorsFile(header, 8)));
  assert.deepEqual(
    tensors.map(({ name, start }) => [name, start]),
    [
      ['a', 8 + header.length],
      ['b"', 12 + header.length],
    ],
  );
  assert.deepEqual(
    [...metadata],
    [
      ['a', 'a'],
      ['b', 'a'],
    ],
  );
});

const entries: SafetensorsEntry[] = [
  { name: 'wide', dtype: 'float64', shape: [2], bytes: () => new Uint8Array(Float64Array.of(1, -2).buffer) },
  { name: '__proto__', dtype: 'float32', shape: [], bytes: () => new Uint8Array(Float32Array.of(0.5).buffer) },
  { name: '10', dtype: 'bool', shape: [3, 1], bytes: () => Uint8Array.of(1, 0, 1) },
  { name: 'empty "\u03b1"', dtype: 'int64', shape: [0, 7], bytes: () => new Uint8Array(0) },
];

test('a written file has the same tensors in the same order, and the same entries give the same bytes', () => {
  const path = join(folder, 'round.safetensors');
  const metadata = { format: 'pt', '2': 'two' };
  writeSafetensors(path, entries, metadata);
  const weights = openWeights(path);
  assert.deepEqual([...weights.tensors.keys()].sort(), entries.map(({ name }) => name).sort());
  assert.deepEqual(Object.fromEntries(weights.metadata), metadata);
  for (const { name, dtype, shape, bytes } of entries) {
    const record = weights.tensors.get(name)!;
    assert.deepEqual([record.dtype, record.shape, weights.read(name)], [dtype, shape, bytes()]);
  }
  weights.close();
  const first = readFileSync(path);
  assert.equal((8 + first.readUInt32LE(0)) % 8, 0);
  writeSafetensors(path, entries.values(), metadata);
  assert.deepEqual(readFileSync(path), first);
  assert.deepEqual(readdirSync(folder), ['round.safetensors']);
});

test('a file of the reference implementation has the same bytes after it is read and written', () => {
  const path = join(folder, 'again.safetensors');
  const weights = openWeights(`${golden}reference.safetensors`);
  const records = [...weights.tensors].map(([name, { dtype, shape }]) => ({
    name,
    dtype,
    shape,
    bytes: () => weights.read(name),
  }));
  const original = readFileSync(`${golden}reference.safetensors`);
  const order = (name: string) => original.indexOf(`${JSON.stringify(name)}:{"dtype"`);
  records.sort((a, b) => order(a.name) - order(b.name));
  writeSafetensors(path, records, Object.fromEntries(weights.metadata));
  weights.close();
  assert.deepEqual(readFileSync(path), original);
  rmSync(path);
});

test('entries that cannot be written are refused', () => {
  const one = entries[1]!;
  const refused = (list: SafetensorsEntry[], problem: RegExp, metadata = {}) =>
    assert.throws(() => writeSafetensors(join(folder, 'no.safetensors'), list, metadata), problem);
  refused([one, one], /"__proto__" occurs twice/);
  refused([{ ...one, name: '__metadata__' }], /"__metadata__" is reserved/);
  refused([{ ...one, shape: [-1] }], /"__proto__" has the impossible shape \[-1\]/);
  refused([{ ...one, shape: [2] }], /float32 \[2\] needs 8 bytes, got 4/);
  refused([one], /metadata "epoch" is a number/, { epoch: 3 });
  assert.equal(readdirSync(folder).includes('no.safetensors'), false);
});

test('a failure leaves the old file unchanged and no other file behind', () => {
  const path = join(folder, 'kept.safetensors');
  writeFileSync(path, 'old content');
  const survives = (failure: () => void, problem: RegExp) => {
    assert.throws(failure, problem);
    assert.equal(readFileSync(path, 'utf8'), 'old content');
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('kept')),
      ['kept.safetensors'],
    );
  };
  const broken = { ...entries[0]!, bytes: () => assert.fail('the tensor was disposed') };
  survives(() => writeSafetensors(path, [entries[1]!, broken]), /the tensor was disposed/);

  // Simulates a full disk.
  for (const call of ['writeSync', 'fsyncSync', 'renameSync'] as const) {
    const full = mock.method(fs, call, () => {
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    });
    syncBuiltinESMExports();
    try {
      survives(
        () => writeSafetensors(path, entries),
        /kept\.safetensors: cannot be written: the disk is full; free some/,
      );
    } finally {
      full.mock.restore();
      syncBuiltinESMExports();
    }
  }
  rmSync(path);
  const nowhere = join(folder, 'nowhere', 'x.safetensors');
  assert.throws(
    () => writeSafetensors(nowhere, entries),
    /nowhere\/x\.safetensors: cannot be written: no such file or folder/,
  );
});

test('all bytes are written if a system call writes only a part', () => {
  const path = join(folder, 'short.safetensors');
  const whole = fs.writeSync;
  const short = mock.method(fs, 'writeSync', (fd: number, bytes: Uint8Array, offset: number, length: number) =>
    whole(fd, bytes, offset, Math.min(length, 5)),
  );
  syncBuiltinESMExports();
  try {
    writeSafetensors(path, entries);
  } finally {
    short.mock.restore();
    syncBuiltinESMExports();
  }
  const weights = openWeights(path);
  assert.deepEqual(weights.read('wide'), entries[0]!.bytes());
  weights.close();
});
