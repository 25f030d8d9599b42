// Damaged and invented weights files for fuzzing. The same seed always gives the same file.
import { readFileSync } from 'node:fs';
import { openWeights, WeightsFileError } from '../state-dict/index.js';
import { legacyFile, pickleText, safetensorsFile } from './weights-bytes.js';

/** Returns whole numbers from 0 to `limit` - 1. */
export type Random = (limit: number) => number;

/** A generator of random numbers (Marsaglia, Xorshift RNGs, 2003). */
export function randomFrom(seed: number): Random {
  // Consecutive seeds would start with similar numbers, and zero gives only zeros.
  let state = Math.imul(seed, 2654435761) || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** The golden weights files that damaged ones are made from. */
export const weightsFiles = [
  'every-kind.zip.pth',
  'every-kind.deflated.pth',
  'every-kind.protocol4.pth',
  'every-kind.legacy.pth',
  'checkpoint.zip.pth',
  'checkpoint.legacy.pth',
  'reference.safetensors',
] as const;

/** The bytes of a golden weights file. */
export function readWeightsFile(name: (typeof weightsFiles)[number]): Buffer {
  return readFileSync(new URL(`../../golden/state-dict/${name}`, import.meta.url));
}

/** A copy of the bytes with one change: cut, overwritten, shortened, repeated, or one byte or bit changed. */
export function damage(original: Uint8Array, random: Random): Buffer {
  const bytes = Buffer.from(original);
  const position = random(bytes.length);
  const length = 1 + random(16);
  switch (random(6)) {
    case 0:
      return bytes.subarray(0, position);
    case 1:
      return bytes.fill(random(2) * 255, position, Math.min(position + length, bytes.length));
    case 2:
      return Buffer.concat([bytes.subarray(0, position), bytes.subarray(position + length)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, position), bytes.subarray(random(bytes.length))]);
    case 4:
      bytes[position] = random(256);
      return bytes;
    default:
      bytes[position]! ^= 1 << random(8);
      return bytes;
  }
}

const byteOf = (random: Random): string => String.fromCharCode(random(256));
const pickOne = <T>(items: readonly T[], random: Random): T => items[random(items.length)]!;
const repeat = (random: Random, most: number, make: () => string): string =>
  Array.from({ length: random(most + 1) }, make).join('');

const texts = ['storage', 'a.weight', 'module.b', '__proto__', '', '\u001b[2J\n', 'x'.repeat(3000), '\u00e9\u{1f600}'];
const globals = [
  'torch\nFloatStorage',
  'torch\nBoolStorage',
  'torch._utils\n_rebuild_tensor_v2',
  'torch._utils\n_rebuild_parameter',
  'torch\nSize',
  'torch\nfloat32',
  'collections\nOrderedDict',
  '_codecs\nencode',
  'os\nsystem',
];

/** Opcodes that push random values: numbers, text, containers, names, storages and tensors. */
function randomValues(random: Random) {
  const bytes = (count: number): string => Array.from({ length: count }, () => byteOf(random)).join('');
  const oneIn = (count: number): boolean => random(count) === 0;
  const storage = (): string => {
    const key = pickleText(oneIn(30) ? pickOne(texts, random) : '0');
    const elements = `K${oneIn(30) ? bytes(1) : '@'}`;
    return `(${pickleText('storage')}ctorch\nFloatStorage\n${key}${pickleText('cpu')}${elements}NtQ`;
  };
  const sizes = (count: number, most: number): string =>
    `(${Array.from({ length: count }, () => `K${String.fromCharCode(random(most))}`).join('')}t`;
  const tensor = (): string => {
    const dimensions = random(4);
    const strides = oneIn(30) ? random(4) : dimensions;
    const offset = `K${String.fromCharCode(random(4))}`;
    const rest = `${sizes(dimensions, 4)}${sizes(strides, 6)}\x89}tR`;
    return `ctorch._utils\n_rebuild_tensor_v2\n(${storage()}${offset}${rest}`;
  };
  const value = (): string =>
    pickOne(
      [
        () => 'N',
        () => `K${bytes(1)}`,
        () => `J${bytes(4)}`,
        () => `G${bytes(8)}`,
        () => `\x8a\x09${bytes(9)}`,
        () => pickleText(pickOne(texts, random)),
        () => `c${pickOne(globals, random)}\n`,
        storage,
        tensor,
        () => `](${repeat(random, 3, value)}e`,
        () => `(${repeat(random, 3, value)}t`,
        () => `}(${repeat(random, 2, () => `${value()}${value()}`)}u`,
        // A tuple that doubles, and one that is nested.
        () => `)${'2\x86'.repeat(random(60))}`,
        () => `)${'\x85'.repeat(random(5000))}`,
      ],
      random,
    )();
  const name = (): string => pickleText(oneIn(2) ? pickOne(texts, random) : `layer${random(9)}.weight`);
  return { value, tensor, name };
}

/** A legacy `.pth` with a state dict among random values. About half of the files can be read. */
export function randomLegacyFile(random: Random): Uint8Array {
  const { value, tensor, name } = randomValues(random);
  const tensors = `${pickleText('first')}${tensor()}${repeat(random, 4, () => `${name()}${tensor()}`)}`;
  const others = repeat(random, 3, () => `${random(3) === 0 ? value() : name()}${value()}`);
  const storage = Buffer.alloc(8 + 64 * 4);
  storage.writeBigInt64LE(64n);
  for (let i = 8; i < storage.length; i++) storage[i] = random(256);
  return legacyFile({
    object: random(8) === 0 ? value() : `}(${others}${pickleText('state_dict')}}(${tensors}uu`,
    keys: `]${pickleText('0')}a`,
    storages: storage,
    ...(random(20) === 0 ? { version: value() } : {}),
  });
}

/** A safetensors file with a header of random tensors, most of them valid. */
export function randomSafetensorsFile(random: Random): Uint8Array {
  const count = random(5);
  const fields: string[] = [];
  let position = 0;
  const oddity = (): string =>
    pickOne(
      ['null', '-1', '1e400', '0.5', '"F99"', '{}', `${'['.repeat(2000)}${']'.repeat(2000)}`, '[0,1e15]'],
      random,
    );
  for (let i = 0; i < count; i++) {
    const shape = Array.from({ length: random(4) }, () => random(4));
    const size = 4 * shape.reduce((product, length) => product * length, 1);
    const parts = ['"F32"', JSON.stringify(shape), JSON.stringify([position, position + size])];
    if (random(8) === 0) parts[random(3)] = oddity();
    const name = random(3) === 0 ? pickOne(texts, random) : `tensor${i}`;
    fields.push(`${JSON.stringify(name)}:{"dtype":${parts[0]},"shape":${parts[1]},"data_offsets":${parts[2]}}`);
    position += size;
  }
  if (random(4) === 0) fields.push(`"__metadata__":{"note":${random(4) === 0 ? oddity() : '"text"'}}`);
  return safetensorsFile(`{${fields.join(',')}}`, random(10) === 0 ? random(100) : position);
}

/** A random weights file: a damaged golden one, or an invented `.pth` or safetensors file, which may be damaged too. */
export function randomWeightsFile(seed: number): Uint8Array {
  const random = randomFrom(seed);
  const kind = random(4);
  if (kind < 2) return damage(readWeightsFile(pickOne(weightsFiles, random)), random);
  const bytes = kind === 2 ? randomLegacyFile(random) : randomSafetensorsFile(random);
  return random(2) === 0 ? bytes : damage(bytes, random);
}

/** Far more than the files above hold (2 kB): what an expanded tensor may claim, 2^20 elements of eight bytes. */
const maxTensorBytes = 2 ** 23;
const unprintable = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/**
 * Opens a weights file and reads all its tensors: `read`, or `refused` for a file that gives a `WeightsFileError` with one
 * short, printable line. Any other outcome is a fault, and throws.
 */
export function tryWeightsFile(path: string): 'read' | 'refused' {
  try {
    const weights = openWeights(path);
    try {
      for (const [name, { byteLength }] of weights.tensors) {
        if (byteLength > maxTensorBytes) throw new Error(`the tensor ${JSON.stringify(name)} has ${byteLength} bytes`);
        weights.read(name);
      }
    } finally {
      weights.close();
    }
    return 'read';
  } catch (error) {
    if (!(error instanceof WeightsFileError)) throw error;
    const { message } = error;
    if (!message.startsWith(`${path}: `) || unprintable.test(message) || message.length > path.length + 3000) {
      throw new Error(`the message is not one short, printable line: ${JSON.stringify(message.slice(0, 5000))}`);
    }
    return 'refused';
  }
}
