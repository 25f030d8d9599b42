import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream';
import { CsvError, type Parser, parse } from 'csv-parse';
import { printable } from '../../printable.js';
import { suggest } from '../../suggest.js';
import { DataError } from '../errors.js';
import { binaryKind } from './file-kind.js';
import { requireRegularFile } from './regular-file.js';
import { type Encoding, encodingOf, toUtf8 } from './text-stream.js';

/** A row of a table; its values are in the order of the columns. */
export interface Row {
  readonly line: number;
  readonly values: readonly string[];
}

/** A table with a header line. */
export interface Table {
  readonly file: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

/** A table whose rows are read on demand, so that memory does not grow with their number. */
export interface OpenTable {
  readonly file: string;
  readonly columns: readonly string[];
  /** Keeps the file open until its end, an error or `return()`. */
  readonly rows: AsyncGenerator<Row, void, undefined>;
}

/** The longest header or row. A longer one is another kind of file, or has a quote that does not end. */
const MAX_ROW_BYTES = 1 << 18;

/** Names of image files, to recognise a first line that is data instead of a header. */
const IMAGE_NAME = /\.(jpe?g|png|webp|gif|tiff?|avif|bmp|heic)$/i;

/**
 * Reads a CSV file with a header line: UTF-8, or UTF-16 with a byte order mark; lines end in LF or CRLF; values are
 * separated by commas (by semicolons or tabs if the header has no comma, or as Excel's line `sep=;` says) and may be
 * quoted. Blank lines and spaces around values are dropped.
 * @throws DataError if the file is missing, empty or of another kind, or a row has another number of values than the header
 */
export async function readCsv(file: string): Promise<Table> {
  const { columns, rows } = await openCsv(file);
  const all: Row[] = [];
  for await (const row of rows) all.push(row);
  return { file, columns, rows: all };
}

/** Like `readCsv`, row by row. Errors in a row are thrown when it is reached, or up to a few thousand rows before. */
export async function openCsv(file: string): Promise<OpenTable> {
  const { encoding, delimiter, firstLine } = await formatOf(file);
  const options = { trim: true, skip_empty_lines: true, info: true, max_record_size: MAX_ROW_BYTES };
  const parser = parse({ ...options, bom: true, delimiter, from_line: firstLine });
  const decode = (chunks: AsyncIterable<Buffer>) => toUtf8(file, encoding, chunks);
  // Unlike `pipe`, this closes the file when no more rows are wanted, and reports read errors.
  const records = recordsOf(
    file,
    pipeline(createReadStream(file), decode, parser, () => {}),
  );
  const { value: first } = await records.next();
  if (!first) throw emptyFile(file);
  return { file, columns: first.values, rows: records };
}

const emptyFile = (file: string): DataError =>
  new DataError(`${file} is empty; expected a header line that names the columns.`);

async function* recordsOf(file: string, parser: Parser): AsyncGenerator<Row, void, undefined> {
  try {
    // The types of csv-parse do not include `info`.
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      yield { line: info.lines, values: record };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const reason =
      error.code === 'CSV_MAX_RECORD_SIZE'
        ? `${/line \d+/.exec(error.message)?.[0] ?? 'a row'} is longer than 256 KiB; perhaps a quote is not closed`
        : printable(error.message);
    throw new DataError(`${file} is not a well-formed CSV file: ${reason}.`);
  }
}

interface Format {
  readonly encoding: Encoding;
  readonly delimiter: string;
  /** The line of the header or before it, counted from 1. */
  readonly firstLine: number;
}

/** Encoding and separator of a file, from its first bytes. */
async function formatOf(file: string): Promise<Format> {
  await requireRegularFile(file);
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    throw new DataError(`${file} cannot be read: ${error.code === 'EACCES' ? 'it is not permitted' : error.message}.`);
  });
  try {
    for (const limit of [1 << 16, MAX_ROW_BYTES]) {
      const start = await readStart(handle, limit);
      const encoding = encodingOf(start);
      const other = encoding === 'utf-8' ? binaryKind(start, file) : undefined;
      if (other !== undefined) {
        const remedy = other.remedy === '' ? 'give a CSV file' : `${other.remedy}, or give a CSV file`;
        throw new DataError(`${file} is ${other.kind}, not a CSV file: ${remedy}.`);
      }
      const text = new TextDecoder(encoding).decode(start);
      const [, before, header] = /^(\s*)([^\r\n]*)/.exec(text)!;
      const isComplete = before!.length + header!.length < text.length || start.length < limit;
      if (!isComplete) continue;
      if (header === '') throw emptyFile(file);
      const separator = /^sep=(.)$/i.exec(header!)?.[1];
      const lines = before!.split(/\r\n|\r|\n/).length;
      if (separator !== undefined) return { encoding, delimiter: separator, firstLine: lines + 1 };
      const unquoted = header!.replace(/"[^"]*"/g, '');
      return { encoding, delimiter: [',', ';', '\t'].find((mark) => unquoted.includes(mark)) ?? ',', firstLine: 1 };
    }
  } finally {
    await handle.close();
  }
  throw new DataError(
    `The first line of ${file} is longer than 256 KiB, so it is not a header line: is this a CSV file?`,
  );
}

async function readStart(handle: FileHandle, limit: number): Promise<Buffer> {
  const bytes = Buffer.alloc(limit);
  let length = 0;
  while (length < limit) {
    const { bytesRead } = await handle.read(bytes, length, limit - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

/**
 * The index of a column among a table's columns; `Filename` is taken for `filename` if there is no other such column.
 * @param purpose what the column holds, for the message, e.g. `the labels`
 * @param flag the flag that names the column, if there is one
 * @throws DataError listing the columns
 */
export function columnOf(
  table: Pick<Table, 'file' | 'columns'>,
  name: string,
  purpose: string,
  flag?: '--filename-column' | '--label-column' | '--id-column' | '--group-column',
): number {
  const { file, columns } = table;
  const index = columns.indexOf(name);
  if (index >= 0) return index;
  const alike = columns.flatMap((column, i) => (column.toLowerCase() === name.toLowerCase() ? [i] : []));
  if (alike.length === 1) return alike[0]!;
  const missing = `${file} has no column "${printable(name)}" for ${purpose}`;
  if (columns.some((column) => IMAGE_NAME.test(column))) {
    const line = printable(columns.join(','), 80);
    throw new DataError(
      `${missing}; its first line looks like a row of data (${line}). Add a header line that names the columns, ` +
        'such as filename,label.',
    );
  }
  const likely = suggest(name, columns.slice(0, 100));
  const shown = columns.slice(0, 20).map((column) => `"${printable(column, 40)}"`);
  if (columns.length > 20) shown.push(`and ${columns.length - 20} more`);
  const question = likely === undefined ? '' : ` Did you mean "${printable(likely, 40)}"?`;
  const remedy = flag === undefined ? 'Rename the right one.' : `Name the right one with ${flag}.`;
  throw new DataError(`${missing}; its columns are ${shown.join(', ')}.${question} ${remedy}`);
}

/**
 * The path of an image that a table names, inside `folder`.
 * @param where the table and line, for the message
 * @throws DataError if the name is empty or leaves the folder, as `../../secret.jpg` does
 */
export function imagePath(folder: string, name: string, where: string): string {
  if (name === '') throw new DataError(`${where}: the file name is empty.`);
  const file = path.resolve(folder, name);
  const inside = path.relative(path.resolve(folder), file);
  if (inside === '' || inside === '..' || inside.startsWith(`..${path.sep}`) || path.isAbsolute(inside)) {
    throw new DataError(
      `${where}: the file name "${printable(name)}" leaves the image folder ${folder}, which is not allowed.`,
    );
  }
  return path.join(folder, inside);
}
