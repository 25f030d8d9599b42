import { inflateRawSync } from 'node:zlib';
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

/** An entry must fit in memory to be inflated, and a small file may claim a huge one. PyTorch itself never compresses. */
const maxInflatedBytes = 2 ** 30;
/** Deflate cannot do better than this (https://zlib.net/zlib_tech.html), so an entry that claims more is a lie. */
const maxDeflateRatio = 1032;
const maxDirectoryBytes = 100_000_000;

/** A file in a zip archive. `size` is its length in bytes when unpacked. */
export interface ZipEntry {
  readonly name: string;
  readonly size: number;
  readonly method: number;
  readonly packedSize: number;
  readonly headerPosition: number;
}

/**
 * Reads the directory of a zip archive, zip64 included (APPNOTE.TXT 6.3, sections 4.3.12 to 4.3.16): the entries by name.
 * Nothing else is read. Throws `WeightsFileError`.
 */
export function readZipDirectory(source: ByteSource): Map<string, ZipEntry> {
  const fail = (problem: string) => new WeightsFileError(source.path, `is truncated or corrupt: ${problem}`);
  const { count, position, size } = findDirectory(source, fail);
  if (size > maxDirectoryBytes) throw fail(`its zip directory claims ${size} bytes`);
  const bytes = readBytes(source, position, size);
  const view = dataView(bytes);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || view.getUint32(at, true) !== directorySignature) throw fail('its zip directory is damaged');
    const nameEnd = at + 46 + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const next = extraEnd + view.getUint16(at + 32, true);
    if (next > size) throw fail('its zip directory is damaged');
    const name = new TextDecoder().decode(bytes.subarray(at + 46, nameEnd));
    if (view.getUint16(at + 8, true) & 1) throw fail(`its entry "${name}" is encrypted`);
    if (entries.has(name)) throw fail(`its zip directory has "${name}" twice`);
    const [unpacked, packed, header] = widen(view, nameEnd, extraEnd, [
      view.getUint32(at + 24, true),
      view.getUint32(at + 20, true),
      view.getUint32(at + 42, true),
    ]);
    const method = view.getUint16(at + 10, true);
    entries.set(name, { name, size: unpacked, packedSize: packed, method, headerPosition: header });
    at = next;
  }
  return entries;
}

/** Opens an entry: a stored one stays in the file, a deflated one is inflated into memory. Throws `WeightsFileError`. */
export function openZipEntry(source: ByteSource, entry: ZipEntry): ByteSource {
  const fail = (problem: string) =>
    new WeightsFileError(source.path, `is truncated or corrupt: its entry "${entry.name}" ${problem}`);
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
  let at = tail.byteLength - endLength;
  // The record ends with a comment of any length, so it is found from the end backwards.
  while (at >= 0 && !(tail.getUint32(at, true) === endSignature && fits(tail, at))) at--;
  if (at < 0) throw fail('it begins as a zip archive and has no zip directory at its end');
  const end = tailStart + at;
  if (end >= 20) {
    const locator = dataView(readBytes(source, end - 20, 20));
    if (locator.getUint32(0, true) === locator64Signature) {
      const record = dataView(readBytes(source, uint64(locator, 8), 56));
      if (record.getUint32(0, true) !== end64Signature) throw fail('its zip64 directory is not where it should be');
      return { count: uint64(record, 32), size: uint64(record, 40), position: uint64(record, 48) };
    }
  }
  return {
    count: tail.getUint16(at + 10, true),
    size: tail.getUint32(at + 12, true),
    position: tail.getUint32(at + 16, true),
  };
}

function fits(tail: DataView, at: number): boolean {
  return at + endLength + tail.getUint16(at + 20, true) <= tail.byteLength;
}

/** Replaces each value that is full (0xffffffff) by the next one of the zip64 extra field. */
function widen(view: DataView, start: number, end: number, values: [number, number, number]): [number, number, number] {
  for (let at = start; at + 4 <= end; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    const fieldEnd = Math.min(end, at + 4 + view.getUint16(at + 2, true));
    let next = at + 4;
    const take = (value: number) => {
      if (value !== 0xffffffff || next + 8 > fieldEnd) return value;
      next += 8;
      return uint64(view, next - 8);
    };
    return [take(values[0]), take(values[1]), take(values[2])];
  }
  return values;
}

/** Beyond 2^53 the number is not exact; it is then far beyond any file, and every check of a range refuses it. */
function uint64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}
