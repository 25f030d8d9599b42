import { inflateSync } from 'node:zlib';
import { DataError } from '../errors.js';

/** Numbers of element types in MATLAB's MAT-file format, level 5. */
const MATRIX = 14;
const COMPRESSED = 15;
const READERS: Readonly<Record<number, { bytes: number; read: (view: DataView, at: number) => number }>> = {
  1: { bytes: 1, read: (view, at) => view.getInt8(at) },
  2: { bytes: 1, read: (view, at) => view.getUint8(at) },
  3: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  4: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  5: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  6: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  7: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  9: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
};

const HEADER = 128;

interface Element {
  readonly type: number;
  readonly data: Uint8Array;
  /** Bytes of the whole element, padding included. */
  readonly length: number;
}

/**
 * The numeric arrays of a MATLAB MAT-file (level 5, little-endian) by their names, each flat in column order.
 * Source: MathWorks, "MAT-File Format", chapter 1.
 *
 * @param name how messages call the file
 * @throws DataError where the bytes are no such file
 */
export function readMatFile(bytes: Uint8Array, name: string): Map<string, Float64Array> {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 19));
  if (start !== 'MATLAB 5.0 MAT-file' || new TextDecoder('latin1').decode(bytes.subarray(126, 128)) !== 'IM') {
    throw new DataError(`${name} is not a MATLAB file of level 5, little-endian.`);
  }
  const arrays = new Map<string, Float64Array>();
  try {
    for (let at = HEADER; at < bytes.length; ) {
      let element = elementAt(bytes, at);
      at += element.type === COMPRESSED ? 8 + element.data.length : element.length;
      if (element.type === COMPRESSED) element = elementAt(inflateSync(element.data), 0);
      if (element.type === MATRIX) arrays.set(...readMatrix(element.data));
    }
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(`${name} is damaged: ${(error as Error).message}.`, { cause: error });
  }
  return arrays;
}

/** Flags, dimensions, name and values, an element each. */
function readMatrix(data: Uint8Array): [string, Float64Array] {
  const flags = elementAt(data, 0);
  const dimensions = elementAt(data, flags.length);
  const name = elementAt(data, flags.length + dimensions.length);
  const values = elementAt(data, flags.length + dimensions.length + name.length);
  const reader = READERS[values.type];
  if (reader === undefined) throw new RangeError(`values of the type ${values.type} are not read`);
  const view = new DataView(values.data.buffer, values.data.byteOffset, values.data.byteLength);
  const count = values.data.length / reader.bytes;
  const numbers = Float64Array.from({ length: count }, (_, i) => reader.read(view, i * reader.bytes));
  return [new TextDecoder('latin1').decode(name.data), numbers];
}

function elementAt(bytes: Uint8Array, at: number): Element {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = view.getUint32(at, true);
  // Up to four bytes of data share the tag's eight.
  if (word >>> 16 !== 0) {
    return { type: word & 0xffff, data: bytes.subarray(at + 4, at + 4 + (word >>> 16)), length: 8 };
  }
  const size = view.getUint32(at + 4, true);
  if (at + 8 + size > bytes.length) throw new RangeError('it ends too soon');
  return { type: word, data: bytes.subarray(at + 8, at + 8 + size), length: 8 + Math.ceil(size / 8) * 8 };
}
