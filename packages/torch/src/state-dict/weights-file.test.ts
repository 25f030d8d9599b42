import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openWeights, type WeightsFile, WeightsFileError } from './index.js';

const golden = fileURLToPath(new URL('../../golden/state-dict/', import.meta.url));
const shared = fileURLToPath(new URL('../../../../../shared/data/weights/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'weights-file-'));
after(() => rmSync(folder, { recursive: true }));

interface Expected {
  dtype: string;
  shape: number[];
  hex: string;
}

function expectedOf(name: string): Map<string, Expected> {
  return new Map(Object.entries(JSON.parse(readFileSync(`${golden}${name}.json`, 'utf8'))));
}

function withWeights<T>(path: string, use: (weights: WeightsFile) => T): T {
  const weights = openWeights(path);
  try {
    return use(weights);
  } finally {
    weights.close();
  }
}

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** `openWeights` must refuse with one sentence that begins with the file's path. */
function refuses(path: string, problem: RegExp): void {
  assert.throws(
    () => openWeights(path),
    (error: unknown) => {
      assert.ok(error instanceof WeightsFileError, `${path} gave ${error}`);
      assert.equal(error.code, 'EVENHAND_WEIGHTS_FILE');
      assert.equal(error.file, path);
      assert.ok(error.message.startsWith(`${path}: `));
      assert.match(error.message, problem);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    },
  );
}

/** A legacy `.pth` that holds a dict without tensors. */
function legacyDict(items: string): Uint8Array {
  return Buffer.from(`\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.M\xe9\x03.}.}(${items}u.].`, 'latin1');
}

const goodFiles = [
  ['every-kind.zip.pth', 'pth (zip)'],
  ['every-kind.legacy.pth', 'pth (legacy)'],
  ['every-kind.protocol4.pth', 'pth (zip)'],
  ['every-kind.protocol5-legacy.pth', 'pth (legacy)'],
  ['every-kind.newer.pth', 'pth (zip)'],
  ['every-kind.deflated.pth', 'pth (zip)'],
  ['checkpoint.zip.pth', 'pth (zip)'],
  ['checkpoint.legacy.pth', 'pth (legacy)'],
  ['reference.safetensors', 'safetensors'],
] as const;

for (const [name, format] of goodFiles) {
  test(`${name}: names, types, shapes and all bytes are those of the reference implementation`, () => {
    const expected = expectedOf(name.slice(0, name.indexOf('.')));
    // With another extension, because the content decides.
    const path = write('renamed.bin', readFileSync(golden + name));
    withWeights(path, (weights) => {
      assert.equal(weights.format, format);
      assert.deepEqual([...weights.tensors.keys()].sort(), [...expected.keys()].sort());
      for (const [key, { dtype, shape, hex }] of expected) {
        const record = weights.tensors.get(key)!;
        assert.deepEqual([key, record.dtype, record.shape], [key, dtype, shape]);
        assert.equal(Buffer.from(weights.read(key)).toString('hex'), hex, key);
      }
    });
  });
}

test('the tensors of a .pth keep their order', () => {
  const expected = [...expectedOf('every-kind').keys()];
  withWeights(`${golden}every-kind.zip.pth`, ({ tensors }) => assert.deepEqual([...tensors.keys()], expected));
});

for (const layout of ['zip', 'legacy']) {
  test(`${layout}: tensors that share memory have the same storage and their own strides and offsets`, () => {
    withWeights(`${golden}every-kind.${layout}.pth`, ({ tensors }) => {
      const all = tensors.get('shared.all')!;
      const slice = tensors.get('shared.slice')!;
      assert.equal(slice.storage, all.storage);
      assert.equal(tensors.get('shared.row')!.storage, all.storage);
      assert.notEqual(tensors.get('scalar')!.storage, all.storage);
      assert.deepEqual([slice.shape, slice.strides, slice.storageOffset], [[2, 2, 3], [20, 10, 1], 21]);
    });
  });

  test(`${layout}: the rest of a checkpoint is read as plain data`, () => {
    withWeights(`${golden}checkpoint.${layout}.pth`, (weights) => {
      assert.deepEqual(weights.takenFrom, { key: 'state_dict', prefix: 'module.' });
      const contents = weights.contents as Map<string, unknown>;
      const plain = ['epoch', 'best', 'negative', 'big', 'below', 'done', 'nothing', 'arch', 'shape', 'history'];
      assert.deepEqual(
        plain.map((key) => contents.get(key)),
        [
          12,
          0.9375,
          -3,
          2n ** 70n,
          -(2n ** 60n),
          true,
          null,
          'tiny \u03b1',
          [1, 3, 4, 4],
          [
            [0, 0.5],
            [1, 0.25],
          ],
        ],
      );
      assert.equal((contents.get('dtype') as { name: string }).name, 'torch.float32');
      assert.deepEqual(contents.get('blob'), Uint8Array.of(0, 255));
      assert.deepEqual(contents.get('__proto__'), new Map([['polluted', true]]));
      assert.equal(({} as Record<string, unknown>).polluted, undefined);
      const optimizer = contents.get('optimizer') as Map<string, Map<number, Map<string, never>>>;
      const first = optimizer.get('state')!.get(0)!;
      assert.deepEqual(new Float32Array(weights.read(first.get('step')!).buffer), Float32Array.of(1));
      assert.equal(weights.read(first.get('exp_avg')!).length, 2 * 3 * 3 * 3 * 4);
    });
  });

  for (const [name, global] of [
    ['system', 'posix.system'],
    ['eval', '__builtin__.eval'],
    ['load', 'torch.storage._load_from_bytes'],
  ] as const) {
    test(`${layout}: a pickle that contains ${global} is refused by that name, and no code runs`, () => {
      refuses(`${golden}evil.${name}.${layout}.pth`, new RegExp(`contains "${global}", which is refused`));
      assert.equal(existsSync('evenhand-evil-marker'), false);
    });
  }
}

test('the error for a file of another kind says what it is', () => {
  const tar = new Uint8Array(1024);
  tar.set(Buffer.from('storages'));
  tar.set(Buffer.from('ustar'), 257);
  refuses(join(folder, 'missing.pth'), /cannot be opened: no such file/);
  refuses(folder, /it is a folder, not a regular file/);
  refuses(write('empty', ''), /is empty/);
  refuses(write('page', '\n<!DOCTYPE html><html>404</html>'), /is a web page/);
  refuses(write('lfs', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n'), /Git LFS pointer/);
  refuses(write('tar', tar), /tar layout/);
  refuses(write('text', 'these are not the weights'), /neither a safetensors file nor a \.pth/);
  refuses(write('byte', 'x'), /neither a safetensors file nor a \.pth/);
  refuses(write('pickle', Buffer.from('80024b012e', 'hex')), /Python pickle that was not written by torch\.save/);
  refuses(write('zip', Buffer.concat([Buffer.from('PK\x03\x04'), new Uint8Array(100)])), /no zip directory/);
  refuses(write('dict', legacyDict('U\x05stateU\x04none')), /has no state dict: it is a dict with "state"; save/);
  refuses(write('nothing', legacyDict('')), /has no state dict: it is an empty dict/);
  refuses(`${golden}torchscript.pth`, /TorchScript/);
  refuses(`${golden}big-endian.pth`, /little-endian/);
});

test('a file that is cut anywhere is refused', () => {
  for (const [name] of goodFiles) {
    const bytes = readFileSync(golden + name);
    for (let part = 1; part < 16; part++) {
      refuses(write('cut', bytes.subarray(0, Math.floor((bytes.length * part) / 16))), /truncated|no zip directory/);
    }
  }
});

test('values are read into an array of the right size, aligned or not', () => {
  const expected = expectedOf('every-kind');
  withWeights(`${golden}every-kind.zip.pth`, (weights) => {
    for (const name of ['transposed.float64', 'transposed.int16', 'shared.slice', 'scalar']) {
      const memory = new Uint8Array(weights.tensors.get(name)!.byteLength + 2).fill(0xee);
      weights.readInto(name, memory.subarray(1, -1));
      assert.equal(Buffer.from(memory).toString('hex'), `ee${expected.get(name)!.hex}ee`);
    }
    assert.throws(() => weights.readInto('scalar', new Uint8Array(8)), /needs 4 bytes, but the target has 8/);
    assert.throws(() => weights.read('no.such'), /has no tensor "no\.such"/);
  });
});

test('reading from a closed file and reading a tensor of another file are refused', () => {
  for (const name of [
    'reference.safetensors',
    'every-kind.zip.pth',
    'every-kind.legacy.pth',
    'every-kind.deflated.pth',
  ]) {
    const weights = openWeights(golden + name);
    const foreign = withWeights(`${golden}checkpoint.zip.pth`, ({ tensors }) => tensors.get('0.bias')!);
    assert.throws(() => weights.read(foreign), /does not contain this tensor/);
    weights.close();
    weights.close();
    assert.throws(() => weights.read([...weights.tensors.keys()][0]!), /is closed; open it again/);
  }
});

test('a tensor beyond 4 GiB is read without reading what lies before it', () => {
  // A sparse file, so that it takes no space. Offsets above 32 bits are a common source of errors.
  const before = 5 * 2 ** 30;
  const header = JSON.stringify({
    before: { dtype: 'U8', shape: [before], data_offsets: [0, before] },
    last: { dtype: 'F32', shape: [2], data_offsets: [before, before + 8] },
  });
  const path = join(folder, 'large.safetensors');
  const descriptor = openSync(path, 'w');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeSync(descriptor, length);
  writeSync(descriptor, header);
  ftruncateSync(descriptor, 8 + header.length + before);
  writeSync(descriptor, new Uint8Array(Float32Array.of(1.5, -2).buffer), 0, 8, 8 + header.length + before);
  closeSync(descriptor);
  withWeights(path, (weights) => {
    assert.deepEqual(new Float32Array(weights.read('last').buffer), Float32Array.of(1.5, -2));
  });
  rmSync(path);
});

const realFiles = [
  {
    match: /^mobilenet_v2.*\.pth$/,
    tensors: 312,
    elements: 2258036,
    name: 'features.18.1.running_var',
    shape: [1280],
    mean: 1.346661271341145,
  },
  {
    match: /lite0.*\.safetensors$/,
    tensors: 245,
    elements: 3413024,
    name: 'bn1.running_var',
    shape: [32],
    mean: 22.75375905238009,
  },
];
for (const { match, tensors, elements, name, shape, mean } of realFiles) {
  const file = existsSync(shared) ? readdirSync(shared).find((candidate) => match.test(candidate)) : undefined;
  test(`the real weights ${match.source} can be read`, { skip: file ? false : `no such file in ${shared}` }, () => {
    withWeights(shared + file, (weights) => {
      assert.equal(weights.tensors.size, tensors);
      const total = [...weights.tensors.values()].reduce((sum, record) => sum + record.numel, 0);
      assert.equal(total, elements);
      assert.deepEqual(weights.tensors.get(name)!.shape, shape);
      const values = new Float32Array(weights.read(name).buffer);
      assert.ok(Math.abs(values.reduce((sum, value) => sum + value, 0) / values.length - mean) < 1e-9 * mean);
    });
  });
}
