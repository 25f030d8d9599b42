import { isUtf8 } from 'node:buffer';
import { DataError } from '../errors.js';

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** UTF-16 only if the byte order mark says so; anything else has to be UTF-8. */
export function encodingOf(start: Buffer): Encoding {
  if (start[0] === 0xff && start[1] === 0xfe) return 'utf-16le';
  if (start[0] === 0xfe && start[1] === 0xff) return 'utf-16be';
  return 'utf-8';
}

/**
 * The chunks of a text file as UTF-8.
 * @throws DataError naming the first line that is not in this encoding
 */
export async function* toUtf8(
  file: string,
  encoding: Encoding,
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  if (encoding === 'utf-8') yield* checkedUtf8(file, chunks);
  else yield* fromUtf16(file, encoding, chunks);
}

async function* fromUtf16(file: string, encoding: Encoding, chunks: AsyncIterable<Buffer>) {
  const decoder = new TextDecoder(encoding, { fatal: true });
  try {
    for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }));
    yield Buffer.from(decoder.decode());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new DataError(`${file} is damaged: it starts as UTF-16 text but has invalid characters. Save it as UTF-8.`);
  }
}

async function* checkedUtf8(file: string, chunks: AsyncIterable<Buffer>) {
  let line = 1;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = endOfCompleteCharacters(bytes);
    const complete = bytes.subarray(0, end);
    rest = bytes.subarray(end);
    if (!isUtf8(complete)) throw notUtf8(file, line + linesBeforeInvalid(complete));
    line += countLines(complete);
    yield complete;
  }
  if (rest.length > 0) throw notUtf8(file, line);
}

function notUtf8(file: string, line: number): DataError {
  return new DataError(
    `${file}, line ${line} is not UTF-8 text, perhaps Windows-1252 (Excel's "CSV") or another old encoding. ` +
      'Save the file as UTF-8, in Excel as "CSV UTF-8".',
  );
}

/** The length without a character of several bytes that is cut off at the end. */
function endOfCompleteCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return size > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

function linesBeforeInvalid(bytes: Buffer): number {
  let lines = 0;
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
    if (!isUtf8(bytes.subarray(start, end))) return lines;
    lines++;
    start = end + 1;
  }
  return lines;
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let i = bytes.indexOf(0x0a); i >= 0; i = bytes.indexOf(0x0a, i + 1)) lines++;
  return lines;
}
