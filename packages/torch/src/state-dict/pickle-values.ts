import type { DType } from '../dtype.js';
import { isCount, StorageRef, TensorRecord } from './tensor-record.js';

/** The name of a Python object, such as `torch.float32`. Nothing is imported. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/**
 * The contents of a pickle as plain data: `None` is null, an `int` above 2^53 a bigint, lists, tuples and `torch.Size` are
 * arrays, `dict` and `OrderedDict` are Maps, `bytes` are Uint8Arrays, a tensor is a `TensorRecord`. One value may occur in
 * several places, so that a small file can describe a huge tree: never walk or print untrusted contents without a limit.
 */
export type Contents =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | TensorRecord
  | StorageRef
  | PickleGlobal
  | Contents[]
  | Map<Contents, Contents>;

const storageDTypes: Readonly<Record<string, DType>> = {
  'torch.FloatStorage': 'float32',
  'torch.DoubleStorage': 'float64',
  'torch.HalfStorage': 'float16',
  'torch.BFloat16Storage': 'bfloat16',
  'torch.LongStorage': 'int64',
  'torch.IntStorage': 'int32',
  'torch.ShortStorage': 'int16',
  'torch.CharStorage': 'int8',
  'torch.ByteStorage': 'uint8',
  'torch.BoolStorage': 'bool',
};

/** The element type of a storage class; undefined if `value` is not the name of one. */
export function storageDType(value: Contents | undefined): DType | undefined {
  return value instanceof PickleGlobal && Object.hasOwn(storageDTypes, value.name)
    ? storageDTypes[value.name]
    : undefined;
}

/** The functions and classes that a weights file may call, as functions on plain data; undefined for wrong arguments. */
const callables = new Map<string, (args: readonly Contents[]) => Contents | undefined>([
  ['collections.OrderedDict', orderedDict],
  ['torch.Size', ([lengths]) => (Array.isArray(lengths) ? lengths : undefined)],
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  // The other arguments (requires_grad, hooks, attributes) concern training, not the values.
  ['torch._utils._rebuild_parameter', ([tensor]) => (tensor instanceof TensorRecord ? tensor : undefined)],
  ['torch._utils._rebuild_parameter_with_state', ([tensor]) => (tensor instanceof TensorRecord ? tensor : undefined)],
  // Protocol 2 has no bytes, so Python writes them as text to be encoded.
  ['_codecs.encode', latin1Bytes],
]);

const dtypeNames = ['float', 'double', 'half', 'long', 'int', 'short', 'uint8', 'int8', 'int16', 'int32', 'int64']
  .concat(['bool', 'float16', 'float32', 'float64', 'bfloat16'])
  .map((name) => `torch.${name}`);
const allowedNames = new Set([...callables.keys(), ...Object.keys(storageDTypes), ...dtypeNames]);

/** Whether a weights file may refer to this Python name. */
export function isAllowed(name: string): boolean {
  return allowedNames.has(name);
}

/** The result of an allowed function; undefined if it cannot be called with these arguments. */
export function callGlobal(target: PickleGlobal, args: readonly Contents[]): Contents | undefined {
  return callables.get(target.name)?.(args);
}

function orderedDict([pairs]: readonly Contents[]): Contents | undefined {
  if (pairs === undefined) return new Map();
  if (!Array.isArray(pairs)) return undefined;
  const dict = new Map<Contents, Contents>();
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) return undefined;
    dict.set(pair[0]!, pair[1]!);
  }
  return dict;
}

function rebuildTensor([storage, offset, shape, strides]: readonly Contents[]): TensorRecord | undefined {
  if (!(storage instanceof StorageRef) || !isCount(offset)) return undefined;
  if (!Array.isArray(shape) || !Array.isArray(strides)) return undefined;
  // Copied, because a pickle may later change the list that it made the shape from.
  const lengths = shape.filter(isCount);
  const steps = strides.filter(isCount);
  if (lengths.length !== shape.length || steps.length !== strides.length) return undefined;
  return new TensorRecord(storage, lengths, steps, offset);
}

function latin1Bytes([text, encoding]: readonly Contents[]): Uint8Array | undefined {
  if (typeof text !== 'string' || encoding !== 'latin1') return undefined;
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) return undefined;
    bytes[i] = code;
  }
  return bytes;
}
