import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteCursor } from './byte-cursor.js';
import { memorySource } from './byte-source.js';
import { WeightsFileError } from './errors.js';
import { StorageTable } from './storage-table.js';
import { TensorRecord } from './tensor-record.js';
import { unpickle } from './unpickle.js';

/** Text stands for itself, a number for a byte. */
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

test('numbers, text and containers of every opcode', () => {
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

test('an OrderedDict of Python 2, its state, torch.Size and bytes as text are data', () => {
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

test('every other global is refused by name before it is used', () => {
  for (const name of [
    'os.system',
    'builtins.eval',
    'numpy.core.multiarray.scalar',
    'torch.ComplexFloatStorage',
    'torch.load',
  ]) {
    const dot = name.lastIndexOf('.');
    const [module, attribute] = [name.slice(0, dot), name.slice(dot + 1)];
    refuses(new RegExp(`x\\.pth: refuses to load "${name}"`), `c${module}\n${attribute}\n.`);
    refuses(new RegExp(`refuses to load "${name}"`), text(module), text(attribute), '\x93.');
  }
  // Names that every JavaScript object has.
  refuses(/refuses to load "torch.constructor"/, 'ctorch\nconstructor\n.');
  refuses(/refuses to load "__proto__.x"/, 'c__proto__\nx\n.');
});

test('tensors that leave their storage, or are absurd, are refused', () => {
  const record = load(tensor(6, 0, [2, 3], [3, 1]));
  assert.ok(record instanceof TensorRecord && record.numel === 6);
  assert.ok(load(tensor(0, 0, [0, 3], [3, 1])) instanceof TensorRecord);
  refuses(/float32 \[2, 3\] needs 7 elements of a storage that has 6/, tensor(6, 1, [2, 3], [3, 1]));
  refuses(/needs 9 elements/, tensor(6, 0, [2, 3], [6, 1]));
  refuses(/arguments that it cannot have/, tensor(6, -1, [2, 3], [3, 1]));
  refuses(/arguments that it cannot have/, tensor(6, 0, [-2, 3], [3, 1]));
  refuses(/arguments that it cannot have/, tensor(6, 5, [2, 3], [-3, 1]));
  refuses(/2 lengths and 1 strides/, tensor(6, 0, [2, 3], [1]));
  refuses(/refers to a storage/, tensor(-1, 0, [1], [1]));
  refuses(/repeats the elements of a storage that has 1/, tensor(1, 0, [2 ** 30, 2], [0, 0]));
  refuses(/absurdly large/, tensor(1, 0, [2 ** 30, 2 ** 30], [0, 0]));
  refuses(/65 lengths/, tensor(1, 0, new Array(65).fill(1), new Array(65).fill(1)));
});

test('storages are refused that no PyTorch wrote', () => {
  refuses(/refers to a storage/, `${text('module')}Q.`);
  refuses(/refers to a storage/, '(tQ.');
  refuses(/is float32 \[1\] in one place, float32 \[2\] in another/, storage(1), storage(2), '.');
  refuses(/is a view of another storage/, storage(1).replace(/tQ$/, `(${text('v')}K\x00K\x01ttQ`), '.');
});

test('a damaged pickle is refused: its stack, its marks, its memo, its opcodes, its end', () => {
  for (const opcode of ['.', '0', '2', 'a', 's', 'b', 'q\0', 'R', 'Q', '\x94', '\x93', '\x85', '(a', 'K\x01(0']) {
    refuses(/empty stack/, opcode, '.');
  }
  for (const opcode of ['1', 't', 'l', 'd', 'e', 'u']) refuses(/closes a mark/, opcode, '.');
  refuses(/recalls the value 7/, 'h\x07.');
  refuses(/recalls the value 7/, 'j\x07\0\0\0.');
  refuses(/opcode 0xff/, '\xff.');
  refuses(/protocol 6/, '\x80\x06.');
  refuses(/calls what is no function/, ')NR.');
  refuses(/calls "torch.FloatStorage" with arguments/, 'ctorch\nFloatStorage\n)R.');
  refuses(/appends to what is no list/, 'NK\x01a.');
  refuses(/sets an item of what is no dict/, 'NK\x01K\x01s.');
  refuses(/a key without a value/, '(K\x01d.');
  refuses(/sets the state of what is no OrderedDict/, ']}b.');
  refuses(/not UTF-8/, 'U\x01\xff.');
  refuses(/name that is no text/, 'NN\x93.');
  refuses(/name without an end/, 'c', 'x'.repeat(2000), '\n\n.');
  refuses(/pickled part does not end/, '');
  refuses(/pickled part does not end/, 'K\x01');
  refuses(/pickled part does not end/, 'B\xff\xff\xff\xff.');
  refuses(/pickled part does not end/, '\x8d\xff\xff\xff\xff\xff\xff\xff\xff.');
});

test('a small pickle cannot ask for much time or memory', () => {
  // Nesting is no recursion here, so any depth is read.
  let depth = 0;
  let value = load(']'.repeat(100_000), 'a'.repeat(99_999), '.');
  for (; Array.isArray(value); value = value[0] ?? null) depth++;
  assert.equal(depth, 100_000);
  // Each call of eight bytes copies the list of a thousand pairs.
  const pairs = `](${'K\x01K\x02\x86'.repeat(1000)}eq\0`;
  refuses(/more than 10000000 steps/, pairs, 'ccollections\nOrderedDict\nq\x01', '0h\x01h\0\x85R'.repeat(20_000), '.');
  refuses(/an integer of 134217728 bytes/, '\x8b\0\0\0\x08', '.');
});
