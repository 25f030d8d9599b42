import { bytesPerElement, type DType } from '../dtype.js';
import { describeValue, quote } from '../printable.js';
import { type ByteSource, dataView, readBytes } from './byte-source.js';
import { WeightsFileError } from './errors.js';
import { repeatedKey } from './json-keys.js';
import { isCount, maxAxes, product } from './tensor-record.js';

/** The limit of the reference implementation, in bytes (huggingface/safetensors, `MAX_HEADER_SIZE`). */
export const maxHeaderBytes = 100_000_000;

/** The names of the element types in safetensors. */
export const safetensorsDType: Readonly<Record<DType, string>> = {
  float32: 'F32',
  float64: 'F64',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
};
const dtypeByName = new Map(Object.entries(safetensorsDType).map(([dtype, name]) => [name, dtype as DType]));

/** A tensor in the file. `start` and `end` are byte positions in the file. */
export interface SafetensorsTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/**
 * Reads the header of a safetensors file, with the checks of the reference implementation: the tensors, in the order of
 * their bytes, cover the rest of the file without gap or overlap, and each has as many bytes as its shape and type need.
 * Throws `WeightsFileError`.
 */
export function readSafetensorsHeader(source: ByteSource): {
  tensors: SafetensorsTensor[];
  metadata: Map<string, string>;
} {
  const fail = (problem: string) => new WeightsFileError(source.path, problem);
  if (source.size < 8) throw fail(`is truncated: a safetensors file has at least 8 bytes, this one has ${source.size}`);
  const length = dataView(readBytes(source, 0, 8)).getBigUint64(0, true);
  if (length > maxHeaderBytes) throw fail(`the header claims ${length} bytes; at most ${maxHeaderBytes} are allowed`);
  const dataStart = 8 + Number(length);
  if (dataStart > source.size) {
    throw fail(`is truncated or corrupt: the header claims ${length} bytes, but the file has only ${source.size}`);
  }

  const header = parseHeader(readBytes(source, 8, Number(length)), fail);
  const metadata = new Map<string, string>();
  const tensors: SafetensorsTensor[] = [];
  // Iterates over entries, because looking up a tensor named `__proto__` would find the prototype.
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      if (!isRecord(entry)) throw fail('the __metadata__ in the header is not an object');
      for (const [key, value] of Object.entries(entry)) {
        if (typeof value !== 'string') throw fail(`the metadata ${quote(key)} in the header is not a string`);
        metadata.set(key, value);
      }
    } else {
      tensors.push(parseTensor(name, entry, dataStart, fail));
    }
  }

  tensors.sort((a, b) => a.start - b.start || a.end - b.end);
  let position = dataStart;
  for (const { name, start, end } of tensors) {
    if (start !== position) {
      const problem = start < position ? 'overlap those of another tensor' : 'leave a gap before them';
      throw fail(`the header is corrupt: the bytes of tensor ${quote(name)} ${problem}`);
    }
    position = end;
  }
  if (position !== source.size) {
    throw fail(`is truncated or corrupt: its tensors end at byte ${position}, the file at byte ${source.size}`);
  }
  return { tensors, metadata };
}

function parseHeader(bytes: Uint8Array, fail: (problem: string) => Error): Record<string, unknown> {
  if (bytes[0] !== 0x7b) throw fail('the header does not begin with "{", so this is not a safetensors file');
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch {
    throw fail('the header is corrupt: it is not valid JSON in UTF-8');
  }
  if (!isRecord(header)) throw fail('the header is corrupt: it is not a JSON object');
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw fail(`the header is corrupt: it has ${quote(repeated)} twice`);
  return header;
}

function parseTensor(
  name: string,
  entry: unknown,
  dataStart: number,
  fail: (problem: string) => Error,
): SafetensorsTensor {
  if (!isRecord(entry)) throw fail(`the header is corrupt: its entry for tensor ${quote(name)} is not an object`);
  const { dtype: dtypeName, shape, data_offsets: offsets } = entry;
  const dtype = dtypeByName.get(dtypeName as string);
  if (dtype === undefined) {
    const supported = [...dtypeByName.keys()].join(', ');
    throw fail(`tensor ${quote(name)} has the element type ${describeValue(dtypeName)}; supported are ${supported}`);
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw fail(
      `the header is corrupt: tensor ${quote(name)} has the shape ${describeValue(shape)}, which is not a list of lengths`,
    );
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0]! > offsets[1]!) {
    throw fail(
      `the header is corrupt: tensor ${quote(name)} has the offsets ${describeValue(offsets)}, which are not a begin and an end`,
    );
  }
  if (shape.length > maxAxes)
    throw fail(`tensor ${quote(name)} has ${shape.length} dimensions; at most ${maxAxes} are allowed`);
  const [begin, end] = offsets as [number, number];
  const expected = product(shape) * bytesPerElement[dtype];
  if (expected !== end - begin) {
    const needed = `${describeValue(shape)} of ${dtypeName} needs ${expected} bytes`;
    throw fail(`the header is corrupt: tensor ${quote(name)} ${needed}, but has ${end - begin}`);
  }
  return { name, dtype, shape, start: dataStart + begin, end: dataStart + end };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
