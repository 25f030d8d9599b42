import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { Preset } from '@evenhand/predict';
import { Random } from '../../random.js';
import { DataError } from '../errors.js';
import { FileCache, MemoryCache } from './caches.js';
import { FileRecords } from './file-records.js';
import { clearCache, listCache } from './folder.js';
import { kindName, parseKindName, type RecordKind, squashSize } from './kind.js';
import { MemoryRecords } from './memory-records.js';
import { openCache, requireCacheFolder } from './open.js';
import { HEADER_BYTES, headerOf, type ImageRecord, parseRecord } from './record.js';
import type { SharedRecords } from './shared.js';

const root = mkdtempSync(join(tmpdir(), 'evenhand-records-'));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const freshFolder = (): string => join(root, String(++folders));

const kind: RecordKind = { type: 'train', squash: 16 };
const preset: Preset = { resize: 40, crop: 32, interpolation: 'bilinear', mean: [0.5, 0.5, 0.5], std: [1, 1, 1] };

function makeRecord(width: number, height: number, seed = 1): ImageRecord {
  const random = new Random(seed);
  const data = Uint8Array.from({ length: width * height * 3 }, () => random.int(256));
  return { width, height, originalWidth: width * 2, originalHeight: height * 3, data };
}

/** The bytes of a record's file. */
const bytesOf = (record: ImageRecord, identity: string): Uint8Array =>
  Uint8Array.from([...new Uint8Array(headerOf(record, identity).buffer), ...record.data]);

const photo = (name: string): Uint8Array => Buffer.from(`the file ${name}`);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The records of `names` as a worker sees them. */
function openFiles(folder: string, names: readonly string[], { writable = true } = {}) {
  const failures: string[] = [];
  const hashOf = (): undefined => undefined;
  const cache = new FileCache({ folder, writable, hashOf, onFailure: (reason) => failures.push(reason) });
  const shared = cache.share(kind, names) as Extract<SharedRecords, { type: 'files' }>;
  return { records: new FileRecords(shared, (reason) => cache.onFailure(reason)), failures, folder: shared.folder };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

describe('a record', () => {
  test('is read as it was written, at every size', () => {
    for (const [width, height] of [
      [1, 1],
      [5, 3],
      [16, 16],
      [3, 7],
    ] as const) {
      // biome-ignore format: one line
      const record = makeRecord(width, height);
      assert.deepEqual(parseRecord(bytesOf(record, 'a'), 'a'), record);
    }
  });

  test('with any bit changed, of any other length, with zeros in it, or of another image is refused', () => {
    const whole = bytesOf(makeRecord(5, 3), 'a');
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const changed = whole.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(parseRecord(changed, 'a'), undefined, `bit ${bit}`);
    }
    for (let length = 0; length < whole.length; length++)
      assert.equal(parseRecord(whole.slice(0, length), 'a'), undefined);
    assert.equal(parseRecord(Uint8Array.from([...whole, 0]), 'a'), undefined);
    for (let from = HEADER_BYTES; from < whole.length; from++) {
      assert.equal(parseRecord(whole.slice().fill(0, from), 'a'), undefined, `zeros from byte ${from}`);
    }
    assert.equal(parseRecord(whole, 'b'), undefined);
  });
});

describe('records in files', () => {
  const names = ['a', 'b'];

  test('are found by the content of the image, by other loaders too', () => {
    const folder = freshFolder();
    const { records } = openFiles(folder, names);
    assert.equal(records.keyOf(0), undefined);
    const key = records.keyOfContent(0, photo('a'));
    assert.equal(key, sha256(photo('a')));
    assert.equal(records.read(0, key), undefined);
    records.write(key, makeRecord(5, 3));
    assert.deepEqual(records.read(0, records.keyOf(0)!), makeRecord(5, 3));
    const other = openFiles(folder, ['renamed']);
    assert.deepEqual(other.records.read(0, other.records.keyOfContent(0, photo('a'))), makeRecord(5, 3));
    assert.equal(other.records.read(0, sha256(photo('b'))), undefined);
  });

  test('that are cut short, overwritten, exchanged or no files are not read, and are replaced', () => {
    const { records, failures, folder } = openFiles(freshFolder(), names);
    const keys = names.map((name, i) => records.keyOfContent(i, photo(name)));
    const fileOf = (key: string): string => join(folder, key.slice(0, 2), `${key}.rgb`);
    for (const [i, key] of keys.entries()) records.write(key, makeRecord(5, 3, i));
    const [a, b] = keys.map(fileOf) as [string, string];
    const damages = [
      () => truncateSync(a, 40),
      () => writeFileSync(a, ''),
      () => writeFileSync(a, Buffer.alloc(200)),
      () => writeFileSync(a, readFileSync(b)),
    ];
    for (const damage of damages) {
      damage();
      assert.equal(records.read(0, keys[0]!), undefined);
      records.write(keys[0]!, makeRecord(5, 3, 0));
      assert.deepEqual(records.read(0, keys[0]!), makeRecord(5, 3, 0));
    }
    rmSync(a);
    mkdirSync(a);
    assert.equal(records.read(0, keys[0]!), undefined);
    assert.deepEqual(failures, []);
  });

  test('that cannot be written are given up after one sentence, and nothing is left behind', () => {
    const { records, failures, folder } = openFiles(freshFolder(), names);
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'a file where the folder was');
    for (const name of names) records.write(sha256(photo(name)), makeRecord(5, 3));
    assert.equal(failures.length, 1);
    assert.match(failures[0]!, /a part of the path is a file/);
    const readOnly = openFiles(freshFolder(), names, { writable: false });
    readOnly.records.write(sha256(photo('a')), makeRecord(5, 3));
    assert.equal(existsSync(readOnly.folder), false);
  });

  test('are written again where another process has cleared the cache', () => {
    const { records, failures, folder } = openFiles(freshFolder(), names);
    rmSync(folder, { recursive: true });
    const key = records.keyOfContent(0, photo('a'));
    records.write(key, makeRecord(5, 3));
    assert.deepEqual(records.read(0, key), makeRecord(5, 3));
    assert.deepEqual(failures, []);
  });

  test('leave no part of a file of a process that was killed', () => {
    const folder = freshFolder();
    const { folder: own } = openFiles(folder, names);
    const [old, recent] = ['0', '1'].map((digit) => join(own, 'tmp', digit.repeat(32))) as [string, string];
    for (const file of [old, recent]) writeFileSync(file, 'part');
    utimesSync(old, 0, 0);
    openFiles(folder, names);
    assert.deepEqual([existsSync(old), existsSync(recent)], [false, true]);
  });
});

test('records in memory are those of all loaders of their cache', () => {
  const cache = new MemoryCache();
  const open = (files: string[]) =>
    new MemoryRecords(cache.share(kind, files) as Extract<SharedRecords, { type: 'memory' }>);
  const first = open(['a', 'b', 'a']);
  assert.equal(first.read(1, first.keyOf(1)), undefined);
  first.write(first.keyOf(1), makeRecord(16, 16));
  first.write(first.keyOf(2), makeRecord(5, 3));
  const later = open(['c', 'b', 'a']);
  assert.equal(later.read(0, later.keyOf(0)), undefined);
  assert.deepEqual({ ...later.read(1, later.keyOf(1)) }, makeRecord(16, 16));
  assert.deepEqual({ ...later.read(2, later.keyOf(2)) }, makeRecord(5, 3));
});

test('the size of training records follows from the crop and its least area, and is at most twice the crop', () => {
  const sizes = [0.08, 0.25, 0.35, 0.5, 1].map((least) => squashSize(224, [least, 1]));
  assert.deepEqual(sizes, [448, 448, 384, 320, 224]);
  assert.equal(squashSize(300, [0.35, 1]), 512);
  assert.equal(squashSize(32, [0.9, 1]), 64);
});

test('the name of a kind depends on all that changes its pixels', () => {
  const kinds: RecordKind[] = [
    kind,
    { type: 'train', squash: 32 },
    { type: 'eval', preset },
    { type: 'eval', preset: { ...preset, resize: 41 } },
    { type: 'eval', preset: { ...preset, crop: 40 } },
    { type: 'eval', preset: { ...preset, interpolation: 'bicubic' } },
    { type: 'eval', preset: { ...preset, cropMode: 'squash' } },
    { type: 'eval', preset: { ...preset, cropMode: 'border' } },
    { type: 'eval', preset: { ...preset, cropMode: 'border', mean: [0, 0, 0] } },
  ];
  const names = kinds.map(kindName);
  assert.equal(new Set(names).size, names.length);
  assert.equal(kindName({ type: 'eval', preset: { ...preset, mean: [0, 0, 0], std: [2, 2, 2] } }), names[2]);
  for (const name of names) assert.equal(parseKindName(name)?.current, true);
  assert.deepEqual(parseKindName('train-384-00000000'), { type: 'train', size: 384, current: false });
  assert.equal(parseKindName('train-384'), undefined);
});

describe('a cache folder', () => {
  test('is listed and cleared, by the time of the last use, and nothing else in it is touched', () => {
    const folder = freshFolder();
    assert.deepEqual(listCache(folder), []);
    assert.deepEqual(clearCache(folder), { images: 0, bytes: 0 });
    const { records, folder: own } = openFiles(folder, ['a', 'b']);
    const keys = ['a', 'b'].map((name, i) => records.keyOfContent(i, photo(name)));
    for (const key of keys) records.write(key, makeRecord(5, 3));
    const shard = join(own, keys[0]!.slice(0, 2));
    const foreign = [
      join(folder, 'photo.jpg'),
      join(folder, `${keys[0]}.rgb`),
      join(own, `${keys[0]}.rgb`),
      join(own, 'tmp', 'notes.txt'),
      join(shard, 'photo.rgb'),
      join(shard, `${'0'.repeat(64)}.rgb`),
    ];
    for (const file of foreign) writeFileSync(file, 'mine');
    const target = join(root, 'elsewhere');
    mkdirSync(join(target, 'ff'), { recursive: true });
    writeFileSync(join(target, 'ff', `${'f'.repeat(64)}.rgb`), 'mine');
    symlinkSync(target, join(folder, 'train-32-00000000'));
    symlinkSync(join(target, 'ff'), join(own, 'ff'));
    const linked = join(shard, `${keys[0]!.slice(0, 2)}${'a'.repeat(62)}.rgb`);
    symlinkSync(join(folder, 'photo.jpg'), linked);

    const [listed, ...rest] = listCache(folder);
    assert.deepEqual(rest, []);
    const size = HEADER_BYTES + 45;
    assert.deepEqual({ ...listed!, lastUsed: null }, { path: own, type: 'train', size: 16, current: true, images: 2, bytes: 2 * size, lastUsed: null }); // biome-ignore format: one line
    const weekAgo = Date.now() / 1000 - 7 * 86_400;
    utimesSync(join(shard, `${keys[0]}.rgb`), weekAgo, weekAgo);
    assert.deepEqual(clearCache(folder, Date.now() - 3 * 86_400_000), { images: 1, bytes: size });
    assert.deepEqual(clearCache(folder), { images: 1, bytes: size });
    for (const file of [...foreign, linked, join(target, 'ff', `${'f'.repeat(64)}.rgb`)])
      assert.ok(existsSync(file), file);
    assert.deepEqual(listCache(folder).map(({ images }) => images), [0]); // biome-ignore format: one line
  });

  test('is removed by clearing with all that is in it, if that is all its own', () => {
    const folder = freshFolder();
    const { records } = openFiles(folder, ['a']);
    records.write(records.keyOfContent(0, photo('a')), makeRecord(5, 3));
    clearCache(folder);
    assert.deepEqual(readdirSync(folder), []);
  });

  test('keeps what is used: reading a record renews its time', () => {
    const folder = freshFolder();
    const { records } = openFiles(folder, ['a']);
    const key = records.keyOfContent(0, photo('a'));
    records.write(key, makeRecord(5, 3));
    utimesSync(filesBelow(folder)[0]!, 1, 1);
    records.read(0, key);
    assert.ok(listCache(folder)[0]!.lastUsed!.getTime() > Date.now() - 86_400_000);
  });
});

describe('opening the cache', () => {
  const hashOf = (file: string): string => sha256(photo(file));
  const huge: RecordKind = { type: 'train', squash: 2 ** 24 };
  function open(setting: string, folder: string, used: RecordKind = kind, reads = 2) {
    const notes: string[] = [];
    const uses = [{ kind: used, files: ['a', 'b', 'b'], reads }];
    const cache = openCache({ setting, folder, uses, hashOf, onNote: (text) => notes.push(text) });
    const shared = cache?.share(used, ['a']);
    const isWritable = shared?.type === 'files' && new Int32Array(shared.writable)[0] === 1;
    return { cache, isWritable, notes };
  }

  test('auto says where and how large, once, and needs room for what is missing only', () => {
    const folder = freshFolder();
    const first = open('auto', folder);
    assert.ok(first.isWritable);
    assert.match(
      first.notes.join(),
      /^Decoded images are cached in .*: up to 2 kB for 2 images \(--cache off: none\)\.$/,
    );
    const { records } = openFiles(folder, ['a', 'b']);
    for (const name of ['a', 'b']) records.write(hashOf(name), makeRecord(5, 3));
    assert.deepEqual(open('auto', folder).notes, []);
  });

  test('auto reads only, and says why, where there is no room or nothing can be written', () => {
    const folder = freshFolder();
    const large = open('auto', folder, huge);
    assert.equal(large.isWritable, false);
    assert.match(
      large.notes.join(),
      /^Decoded images are not cached, because up to .* GB are more than a quarter of the .* free/,
    );
    const file = join(root, 'file');
    writeFileSync(file, '');
    const blocked = open('auto', join(file, 'images'));
    assert.equal(blocked.isWritable, false);
    assert.match(blocked.notes.join(), /cannot be written \(a part of the path is a file\)/);
  });

  test('auto writes nothing for images that are loaded once', () => {
    const folder = freshFolder();
    assert.equal(open('auto', folder, kind, 1).cache, undefined);
    mkdirSync(folder);
    assert.deepEqual([open('auto', folder, kind, 1).isWritable, readdirSync(folder)], [false, []]);
  });

  test('a folder is used whatever the size, and must be one that can be written', () => {
    const folder = freshFolder();
    requireCacheFolder(folder);
    assert.deepEqual(readdirSync(folder), []);
    const large = open(folder, '', huge);
    assert.deepEqual([large.isWritable, large.notes], [true, []]);
    const file = join(root, 'file2');
    writeFileSync(file, '');
    for (const bad of [file, join(file, 'x')]) {
      assert.throws(() => requireCacheFolder(bad), (error) => error instanceof DataError && /cannot be written/.test(error.message)); // biome-ignore format: one line
    }
    for (const keyword of ['auto', 'off', 'memory']) requireCacheFolder(keyword);
  });

  test('memory is refused where it does not fit, and off is none', () => {
    assert.ok(open('memory', '').cache);
    assert.throws(
      () => open('memory', '', huge),
      (error) =>
        error instanceof DataError &&
        /more than half of the .* free memory: set cache to auto, off/.test(error.message),
    );
    assert.equal(open('off', '').cache, undefined);
  });
});
