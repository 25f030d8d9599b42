import { bytesPerElement, type DType } from '../dtype.js';
import { quote } from '../printable.js';
import { writeAtomically } from './atomic.js';
import { dataView } from './byte-source.js';
import { WeightsFileError } from './errors.js';
import { maxHeaderBytes, safetensorsDType } from './safetensors-header.js';
import { isCount, product } from './tensor-record.js';

/** A tensor to write. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Returns the elements, row-major, little-endian. Called once per tensor, so that only one is in memory at a time. */
  readonly bytes: () => Uint8Array;
}

/**
 * Writes a safetensors file, atomically (see `writeAtomically`). The same entries always give the same bytes: tensors and
 * metadata keep their order. The header is padded with spaces to a multiple of 8 bytes, so that tensors are aligned if wide
 * element types come before narrow ones.
 *
 * Format: https://github.com/huggingface/safetensors#format. Throws `WeightsFileError` for a repeated name or a wrong number
 * of bytes, and if the system refuses to write; the old file is then unchanged.
 */
export function writeSafetensors(
  path: string,
  entries: Iterable<SafetensorsEntry>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  const tensors = [...entries];
  const header = makeHeader(path, tensors, metadata);
  writeAtomically(path, (append) => {
    append(header);
    for (const { name, dtype, shape, bytes } of tensors) {
      const data = bytes();
      const expected = product(shape) * bytesPerElement[dtype];
      if (data.length !== expected) {
        const problem = `tensor ${quote(name)} of ${dtype} [${shape.join(', ')}] needs ${expected} bytes, got ${data.length}`;
        throw new WeightsFileError(path, `cannot be written: ${problem}`);
      }
      append(data);
    }
  });
}

function makeHeader(
  path: string,
  tensors: readonly SafetensorsEntry[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const fail = (problem: string) => new WeightsFileError(path, `cannot be written: ${problem}`);
  // Assembled as text, because an object would reorder names that look like numbers and lose `__proto__`.
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) {
    const wrong = Object.entries(metadata).find(([, value]) => typeof value !== 'string');
    if (wrong) throw fail(`the metadata ${quote(wrong[0])} is a ${typeof wrong[1]}; safetensors holds only strings`);
    fields.push(`"__metadata__":${JSON.stringify(metadata)}`);
  }
  const names = new Set(['__metadata__']);
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    if (names.has(name))
      throw fail(`the tensor name ${quote(name)} ${name === '__metadata__' ? 'is reserved' : 'occurs twice'}`);
    names.add(name);
    const end = offset + product(shape) * bytesPerElement[dtype];
    if (!shape.every(isCount) || !isCount(end))
      throw fail(`tensor ${quote(name)} has the impossible shape [${shape.join(', ')}]`);
    const info = { dtype: safetensorsDType[dtype], shape, data_offsets: [offset, end] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`);
    offset = end;
  }
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > maxHeaderBytes)
    throw fail(`names and metadata need ${length} bytes; at most ${maxHeaderBytes} are allowed`);
  const bytes = new Uint8Array(8 + length).fill(0x20);
  dataView(bytes).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}
