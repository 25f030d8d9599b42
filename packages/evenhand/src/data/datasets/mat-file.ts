import { inflateSync } from 'node:zlib';
import { DataError } from '../errors.js';

/** Numbers of element types in MATLAB's MAT-file format, level 5. */
const MATRIX = 14;
const COMPRESSED = 15;
const READERS: Readonly<Record<number, { bytes: number; read: (view: DataView, offset: number) => number }>> = {
  1: { bytes: 1, read: (view, offset) => view.getInt8(offset) },
  2: { bytes: 1, read: (view, offset) => view.getUint8(offset) },
  3: { bytes: 2, read: (view, offset) => view.getInt16(offset, true) },
  4: { bytes: 2, read: (view, offset) => view.getUint16(offset, true) },
  5: { bytes: 4, read: (view, offset) => view.getInt32(offset, true) },
  6: { bytes: 4, read: (view, offset) => view.getUint32(offset, true) },
  7: { bytes: 4, read: (view, offset) => view.getFloat32(offset, true) },
  9: { bytes: 8, read: (view, offset) => view.getFloat64(offset, true) },
};

const HEADER = 128;

interface Element {
  readonly type: number;
  readonly data: Uint8Array;
  /** Bytes of the whole element, including padding. */
  readonly length: number;
}

/**
 * Reads the numeric arrays of a MATLAB MAT-file (level 5, little-endian) by name, each flat in column-major order.
 * Source: MathWorks, "MAT-File Format", chapter 1.
 *
 * @param name the file's name for messages
 * @throws DataError if the bytes are not such a file
 */
export function readMatFile(bytes: Uint8Array, name: string): Map<string, Float64Array> {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 19));
  if (start !== 'MATLAB 5.0 MAT-file' || new TextDecoder('latin1').decode(bytes.subarray(126, 128)) !== 'IM') {
    throw new DataError(`${name} is not a MATLAB file of level 5, little-endian.`);
  }
  const arrays = new Map<string, Float64Array>();
  try {
    for (let offset = HEADER; offset < bytes.length; ) {
      let element = elementAt(bytes, offset);
      offset += element.type === COMPRESSED ? 8 + element.data.length : element.length;
      if (element.type === COMPRESSED) element = elementAt(inflateSync(element.data), 0);
      if (element.type === MATRIX) arrays.set(...readMatrix(element.data));
    }
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(`${name} is damaged: ${(error as Error).message}.`, { cause: error });
  }
  return arrays;
}

/** A matrix has one element each for flags, dimensions, name and values. */
function readMatrix(data: Uint8Array): [string, Float64Array] {
  const flags = elementAt(data, 0);
  const dimensions = elementAt(data, flags.length);
  const name = elementAt(data, flags.length + dimensions.length);
  const values = elementAt(data, flags.length + dimensions.length + name.length);
  const reader = READERS[values.type];
  if (reader === undefined) throw new RangeError(`values of type ${values.type} are not supported`);
  const view = new DataView(values.data.buffer, values.data.byteOffset, values.data.byteLength);
  const count = values.data.length / reader.bytes;
  const numbers = Float64Array.from({ length: count }, (_, i) => reader.read(view, i * reader.bytes));
  return [new TextDecoder('latin1').decode(name.data), numbers];
}

function elementAt(bytes: Uint8Array, offset: number): Element {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = view.getUint32(offset, true);
  // Small elements store up to four bytes of data inside the eight-byte tag.
  if (word >>> 16 !== 0) {
    return { type: word & 0xffff, data: bytes.subarray(offset + 4, offset + 4 + (word >>> 16)), length: 8 };
  }
  const size = view.getUint32(offset + 4, true);
  if (offset + 8 + size > bytes.length) throw new RangeError('the file is truncated');
  return { type: word, data: bytes.subarray(offset + 8, offset + 8 + size), length: 8 + Math.ceil(size / 8) * 8 };
}
