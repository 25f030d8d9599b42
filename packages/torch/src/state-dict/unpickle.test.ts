import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteCursor } from './byte-cursor.js';
import { memorySource } from './byte-source.js';
import { WeightsFileError } from './errors.js';
import { StorageTable } from './storage-table.js';
import { TensorRecord } from './tensor-record.js';
import { unpickle } from './unpickle.js';

/** The bytes of the parts: Latin-1 text, or numbers for single bytes. */
function bytesOf(...parts: (string | number)[]): Uint8Array {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.of(part))));
}

function load(...parts: (string | number)[]) {
  return unpickle(new ByteCursor(memorySource('x.pth', bytesOf(...parts))), new StorageTable('x.pth').load);
}

function refuses(problem: RegExp, ...parts: (string | number)[]): void {
  assert.throws(
    () => load(...parts),
    (error: unknown) => {
      assert.ok(error instanceof WeightsFileError, String(error));
      assert.match(error.message, problem);
      return true;
    },
  );
}

const text = (value: string) => `U${String.fromCharCode(value.length)}${value}`;
const int = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return `J${bytes.toString('latin1')}`;
};
const storage = (numel: number, key = '0') =>
  `(${text('storage')}ctorch\nFloatStorage\n${text(key)}${text('cpu')}${int(numel)}tQ`;
/** `_rebuild_tensor_v2(storage, offset, shape, strides, False, None)`. */
const tensor = (numel: number, offset: number, shape: number[], strides: number[]) =>
  `ctorch._utils\n_rebuild_tensor_v2\n(${storage(numel)}${int(offset)}(${shape.map(int).join('')}t(${strides.map(int).join('')}t\x89NtR.`;

test('every opcode for numbers, text and containers is read', () => {
  assert.deepEqual(load('](K', 255, 'M\x01\x02J\xff\xff\xff\xffG\x3f\xf0\0\0\0\0\0\0\x88\x89Ne.'), [
    255,
    513,
    -1,
    1,
    true,
    false,
    null,
  ]);
  assert.deepEqual(load('(\x8a\0\x8a\x01\xff\x8a\x02\xff\0\x8b\x07\0\0\0\0\0\0\0\0\0\x40t.'), [0, -1, 255, 2n ** 54n]);
  assert.deepEqual(load('(X\x02\0\0\0\xc3\xa9\x8c\x01a\x8d\x01\0\0\0\0\0\0\0bT\x01\0\0\0cU\x01dl.'), [
    '\u00e9',
    'a',
    'b',
    'c',
    'd',
  ]);
  assert.deepEqual(load('(B\x01\0\0\0\xffC\x01a\x8e\x01\0\0\0\0\0\0\0bt.'), [
    Uint8Array.of(255),
    Uint8Array.of(97),
    Uint8Array.of(98),
  ]);
  assert.deepEqual(
    load('(K\x01K\x02d(K\x03K\x04uK\x05)s.'),
    new Map<number, unknown>([
      [1, 2],
      [3, 4],
      [5, []],
    ]),
  );
  assert.deepEqual(load(']K\x01aK\x02K\x03\x86aK\x04\x85aK\x05K\x06K\x07\x87a.'), [1, [2, 3], [4], [5, 6, 7]]);
  assert.deepEqual(load('K\x01K\x020(K\x091K\x082\x86\x86.'), [1, [8, 8]]);
  assert.deepEqual(load(text('m'), 'q\x010]r\0\x01\0\0h\x01aj\0\x01\0\0', '.'), ['m']);
  assert.deepEqual(load('\x80\x04\x95\x05\0\0\0\0\0\0\0\x8c\x01a\x94h\0\x86.'), ['a', 'a']);
});

test('an OrderedDict of Python 2, its state, torch.Size and bytes as text are read as data', () => {
  const ordered = 'ccollections\nOrderedDict\n';
  assert.deepEqual(
    load(`${ordered}](](${text('a')}K\x01e](${text('b')}K\x02ee\x85R}b.`),
    new Map([
      ['a', 1],
      ['b', 2],
    ]),
  );
  assert.deepEqual(load(`\x8c\x05torch\x8c\x04Size\x93K\x02\x85\x85R.`), [2]);
  assert.deepEqual(load('c_codecs\nencode\n(X\x02\0\0\0\xc3\xbf', text('latin1'), 'tR.'), Uint8Array.of(255));
});

test('any other global is refused by name before it is used', () => {
  for (const name of [
    'os.system',
    'builtins.eval',
    'numpy.core.multiarray.scalar',
    'torch.ComplexFloatStorage',
    'torch.load',
  ]) {
    const dot = name.lastIndexOf('.');
    const [module, attribute] = [name.slice(0, dot), name.slice(dot + 1)];
    refuses(new RegExp(`x\\.pth: contains "${name}", which is refused`), `c${module}\n${attribute}\n.`);
    refuses(new RegExp(`contains "${name}", which is refused`), text(module), text(attribute), '\x93.');
  }
  // Properties of every JavaScript object.
  refuses(/contains "torch.constructor", which is refused/, 'ctorch\nconstructor\n.');
  refuses(/contains "__proto__.x", which is refused/, 'c__proto__\nx\n.');
});

test('tensors that do not fit into their storage or are too large are refused', () => {
  const record = load(tensor(6, 0, [2, 3], [3, 1]));
  assert.ok(record instanceof TensorRecord && record.numel === 6);
  assert.ok(load(tensor(0, 0, [0, 3], [3, 1])) instanceof TensorRecord);
  refuses(/float32 \[2, 3\] needs 7 elements of a storage with 6/, tensor(6, 1, [2, 3], [3, 1]));
  refuses(/needs 9 elements/, tensor(6, 0, [2, 3], [6, 1]));
  refuses(/is called with wrong arguments/, tensor(6, -1, [2, 3], [3, 1]));
  refuses(/is called with wrong arguments/, tensor(6, 0, [-2, 3], [3, 1]));
  refuses(/is called with wrong arguments/, tensor(6, 5, [2, 3], [-3, 1]));
  refuses(/2 dimensions and 1 strides/, tensor(6, 0, [2, 3], [1]));
  refuses(/reference to a storage/, tensor(-1, 0, [1], [1]));
  refuses(/repeats the elements of a storage with 1/, tensor(1, 0, [2 ** 30, 2], [0, 0]));
  refuses(/is too large/, tensor(1, 0, [2 ** 30, 2 ** 30], [0, 0]));
  refuses(/65 dimensions/, tensor(1, 0, new Array(65).fill(1), new Array(65).fill(1)));
});

test('references to storages that PyTorch does not write are refused', () => {
  refuses(/reference to a storage/, `${text('module')}Q.`);
  refuses(/reference to a storage/, '(tQ.');
  refuses(/is float32 \[1\] in one place, float32 \[2\] in another/, storage(1), storage(2), '.');
  refuses(/is a view of another storage/, storage(1).replace(/tQ$/, `(${text('v')}K\x00K\x01ttQ`), '.');
});

test('a pickle with a damaged stack, mark, memo, opcode or end is refused', () => {
  for (const opcode of ['.', '0', '2', 'a', 's', 'b', 'q\0', 'R', 'Q', '\x94', '\x93', '\x85', '(a', 'K\x01(0']) {
    refuses(/empty stack/, opcode, '.');
  }
  for (const opcode of ['1', 't', 'l', 'd', 'e', 'u']) refuses(/a mark is closed/, opcode, '.');
  refuses(/the value 7 is recalled/, 'h\x07.');
  refuses(/the value 7 is recalled/, 'j\x07\0\0\0.');
  refuses(/opcode 0xff/, '\xff.');
  refuses(/protocol is 6/, '\x80\x06.');
  refuses(/called that is not a function/, ')NR.');
  refuses(/"torch.FloatStorage" is called with wrong arguments/, 'ctorch\nFloatStorage\n)R.');
  refuses(/appended to something that is not a list/, 'NK\x01a.');
  refuses(/set in something that is not a dict/, 'NK\x01K\x01s.');
  refuses(/a key has no value/, '(K\x01d.');
  refuses(/set on something that is not an OrderedDict/, ']}b.');
  refuses(/not UTF-8/, 'U\x01\xff.');
  refuses(/a name is not text/, 'NN\x93.');
  refuses(/a name has no end/, 'c', 'x'.repeat(2000), '\n\n.');
  refuses(/pickle is not complete/, '');
  refuses(/pickle is not complete/, 'K\x01');
  refuses(/pickle is not complete/, 'B\xff\xff\xff\xff.');
  refuses(/pickle is not complete/, '\x8d\xff\xff\xff\xff\xff\xff\xff\xff.');
});

test('a small pickle cannot ask for much time or memory', () => {
  // Nested values are read without recursion, so any depth is possible.
  let depth = 0;
  let value = load(']'.repeat(100_000), 'a'.repeat(99_999), '.');
  for (; Array.isArray(value); value = value[0] ?? null) depth++;
  assert.equal(depth, 100_000);
  // Each call takes eight bytes and copies a list of a thousand pairs.
  const pairs = `](${'K\x01K\x02\x86'.repeat(1000)}eq\0`;
  refuses(/more than 10000000 steps/, pairs, 'ccollections\nOrderedDict\nq\x01', '0h\x01h\0\x85R'.repeat(20_000), '.');
  refuses(/an integer has 134217728 bytes/, '\x8b\0\0\0\x08', '.');
});
