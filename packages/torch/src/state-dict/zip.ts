import { inflateRawSync } from 'node:zlib';
import { quote } from '../printable.js';
import { type ByteSource, dataView, memorySource, readBytes, sliceSource } from './byte-source.js';
import { WeightsFileError } from './errors.js';

const endSignature = 0x06054b50;
const end64Signature = 0x06064b50;
const locator64Signature = 0x07064b50;
const directorySignature = 0x02014b50;
const localSignature = 0x04034b50;
const endLength = 22;
const maxCommentLength = 0xffff;
const stored = 0;
const deflated = 8;

/** An entry is inflated in memory, and a small file may claim a huge one. PyTorch itself never compresses. */
const maxInflatedBytes = 2 ** 30;
/** The largest compression of deflate (https://zlib.net/zlib_tech.html): a file that claims more is corrupt. */
const maxDeflateRatio = 1032;
const maxDirectoryBytes = 100_000_000;

/** A file in a zip archive. `size` is its unpacked length in bytes. */
export interface ZipEntry {
  readonly name: string;
  readonly size: number;
  readonly method: number;
  readonly packedSize: number;
  readonly headerPosition: number;
}

/**
 * Reads the directory of a zip archive, including zip64 (APPNOTE.TXT 6.3, sections 4.3.12 to 4.3.16): the entries by name.
 * Nothing else is read. Throws `WeightsFileError`.
 */
export function readZipDirectory(source: ByteSource): Map<string, ZipEntry> {
  const fail = (problem: string) => new WeightsFileError(source.path, `is truncated or corrupt: ${problem}`);
  const { count, position, size } = findDirectory(source, fail);
  if (size > maxDirectoryBytes) throw fail(`its zip directory claims ${size} bytes`);
  const bytes = readBytes(source, position, size);
  const view = dataView(bytes);
  const entries = new Map<string, ZipEntry>();
  let offset = 0;
  for (let i = 0; i < count; i++) {
    if (offset + 46 > size || view.getUint32(offset, true) !== directorySignature)
      throw fail('its zip directory is damaged');
    const nameEnd = offset + 46 + view.getUint16(offset + 28, true);
    const extraEnd = nameEnd + view.getUint16(offset + 30, true);
    const next = extraEnd + view.getUint16(offset + 32, true);
    if (next > size) throw fail('its zip directory is damaged');
    const name = new TextDecoder().decode(bytes.subarray(offset + 46, nameEnd));
    if (view.getUint16(offset + 8, true) & 1) throw fail(`its entry ${quote(name)} is encrypted`);
    if (entries.has(name)) throw fail(`its zip directory has ${quote(name)} twice`);
    const [unpacked, packed, header] = widen(view, nameEnd, extraEnd, [
      view.getUint32(offset + 24, true),
      view.getUint32(offset + 20, true),
      view.getUint32(offset + 42, true),
    ]);
    const method = view.getUint16(offset + 10, true);
    entries.set(name, { name, size: unpacked, packedSize: packed, method, headerPosition: header });
    offset = next;
  }
  return entries;
}

/** Opens an entry. A stored one is read from the file on request, a deflated one is inflated into memory. Throws `WeightsFileError`. */
export function openZipEntry(source: ByteSource, entry: ZipEntry): ByteSource {
  const fail = (problem: string) =>
    new WeightsFileError(source.path, `is truncated or corrupt: its entry ${quote(entry.name)} ${problem}`);
  const local = dataView(readBytes(source, entry.headerPosition, 30));
  if (local.getUint32(0, true) !== localSignature) throw fail('is not where the zip directory says');
  const start = entry.headerPosition + 30 + local.getUint16(26, true) + local.getUint16(28, true);
  const packed = sliceSource(source, start, entry.packedSize);
  if (entry.method === stored) {
    if (entry.size !== entry.packedSize) throw fail('has two different sizes');
    return packed;
  }
  if (entry.method !== deflated) throw fail(`is packed with the unsupported method ${entry.method}`);
  if (entry.size > maxInflatedBytes || entry.size > entry.packedSize * maxDeflateRatio) {
    throw fail(`claims to unpack ${entry.packedSize} bytes to ${entry.size}`);
  }
  let bytes: Uint8Array;
  try {
    // zlib refuses a limit of 0.
    const maxOutputLength = Math.max(entry.size, 1);
    bytes = inflateRawSync(readBytes(packed, 0, packed.size), { maxOutputLength });
  } catch (error) {
    if (error instanceof WeightsFileError) throw error;
    throw fail('cannot be unpacked');
  }
  if (bytes.length !== entry.size) throw fail(`unpacks to ${bytes.length} bytes instead of ${entry.size}`);
  return memorySource(source.path, bytes);
}

function findDirectory(source: ByteSource, fail: (problem: string) => Error) {
  const tailStart = Math.max(0, source.size - endLength - maxCommentLength);
  const tail = dataView(readBytes(source, tailStart, source.size - tailStart));
  let offset = tail.byteLength - endLength;
  // The record ends with a comment of unknown length, so the search goes backwards from the end of the file.
  while (offset >= 0 && !(tail.getUint32(offset, true) === endSignature && fits(tail, offset))) offset--;
  if (offset < 0) throw fail('it begins like a zip archive but has no zip directory at its end');
  const end = tailStart + offset;
  if (end >= 20) {
    const locator = dataView(readBytes(source, end - 20, 20));
    if (locator.getUint32(0, true) === locator64Signature) {
      const record = dataView(readBytes(source, uint64(locator, 8), 56));
      if (record.getUint32(0, true) !== end64Signature) throw fail('its zip64 directory is not where it should be');
      return { count: uint64(record, 32), size: uint64(record, 40), position: uint64(record, 48) };
    }
  }
  return {
    count: tail.getUint16(offset + 10, true),
    size: tail.getUint32(offset + 12, true),
    position: tail.getUint32(offset + 16, true),
  };
}

function fits(tail: DataView, offset: number): boolean {
  return offset + endLength + tail.getUint16(offset + 20, true) <= tail.byteLength;
}

/** Replaces each value of 0xffffffff by the next value of the zip64 extra field. */
function widen(view: DataView, start: number, end: number, values: [number, number, number]): [number, number, number] {
  for (let offset = start; offset + 4 <= end; offset += 4 + view.getUint16(offset + 2, true)) {
    if (view.getUint16(offset, true) !== 1) continue;
    const fieldEnd = Math.min(end, offset + 4 + view.getUint16(offset + 2, true));
    let next = offset + 4;
    const take = (value: number) => {
      if (value !== 0xffffffff || next + 8 > fieldEnd) return value;
      next += 8;
      return uint64(view, next - 8);
    };
    return [take(values[0]), take(values[1]), take(values[2])];
  }
  return values;
}

/** Above 2^53 the number is not exact, but then it is larger than any file, and every range check refuses it. */
function uint64(view: DataView, offset: number): number {
  return Number(view.getBigUint64(offset, true));
}
