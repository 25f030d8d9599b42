import { bytesPerElement } from '../dtype.js';
import { type ByteSource, readBytes } from './byte-source.js';
import { rowMajorStrides, type TensorRecord } from './tensor-record.js';

/**
 * Reads a tensor's elements into `target`, row-major without gaps, little-endian. `target` has the tensor's byte length.
 * A tensor without gaps is read directly into `target`; for others the bytes that they span are read first.
 */
export function readTensor(record: TensorRecord, storage: ByteSource, target: Uint8Array): void {
  if (target.length === 0) return;
  const width = bytesPerElement[record.dtype];
  if (isRowMajor(record)) {
    storage.readInto(target, record.storageOffset * width);
    return;
  }
  const span = record.shape.reduce((last, length, axis) => last + (length - 1) * record.strides[axis]!, 1);
  gather(readBytes(storage, record.storageOffset * width, span * width), target, record, width);
}

function isRowMajor({ shape, strides }: TensorRecord): boolean {
  const expected = rowMajorStrides(shape);
  // The stride of an axis of length 1 is not used, so it may be any number.
  return shape.every((length, axis) => length === 1 || strides[axis] === expected[axis]);
}

function gather(span: Uint8Array, target: Uint8Array, record: TensorRecord, width: 1 | 2 | 4 | 8): void {
  // Copies elements of eight bytes as two of four: a Float64Array may alter NaNs, and a BigUint64Array is slow.
  const pair = width === 8;
  const shape = pair ? [...record.shape, 2] : record.shape;
  const strides = pair ? [...record.strides.map((stride) => stride * 2), 1] : record.strides;
  const from = unitsOf(span, width);
  const aligned = target.byteOffset % from.BYTES_PER_ELEMENT === 0;
  const rows = aligned ? target : new Uint8Array(target.length);
  const to = unitsOf(rows, width);

  const innerLength = shape.at(-1)!;
  const innerStride = strides.at(-1)!;
  const outer = shape.length - 1;
  const index = new Array<number>(outer).fill(0);
  let start = 0;
  for (let written = 0; written < to.length; ) {
    for (let i = 0; i < innerLength; i++) to[written++] = from[start + i * innerStride]!;
    for (let axis = outer - 1; axis >= 0; axis--) {
      index[axis]!++;
      start += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      start -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  if (!aligned) target.set(rows);
}

function unitsOf(bytes: Uint8Array, width: 1 | 2 | 4 | 8): Uint8Array | Uint16Array | Uint32Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (width === 1) return bytes;
  if (width === 2) return new Uint16Array(buffer, byteOffset, byteLength / 2);
  return new Uint32Array(buffer, byteOffset, byteLength / 4);
}
