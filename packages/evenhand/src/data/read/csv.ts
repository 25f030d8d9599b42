import { createReadStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream';
import { CsvError, type Parser, parse } from 'csv-parse';
import { DataError } from '../errors.js';

/** A row of a table; its values stand in the order of the columns. */
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

/** A table whose rows are read while they are asked for, so that memory does not grow with their number. */
export interface OpenTable {
  readonly file: string;
  readonly columns: readonly string[];
  /** Keeps the file open until its end, an error or `return()`. */
  readonly rows: AsyncGenerator<Row, void, undefined>;
}

/**
 * Reads a CSV file with a header line, in UTF-8 with or without byte order mark, lines ending in LF or CRLF, fields
 * quoted or not, separated by commas (or by semicolons or tabs where the header has no comma). Blank lines are skipped
 * and spaces around values dropped.
 * @throws DataError when the file is missing, empty, or a row has another number of fields than the header
 */
export async function readCsv(file: string): Promise<Table> {
  const { columns, rows } = await openCsv(file);
  const all: Row[] = [];
  for await (const row of rows) all.push(row);
  return { file, columns, rows: all };
}

/** As `readCsv`, row by row; what is wrong with a row is thrown when it is reached, or a few thousand rows before. */
export async function openCsv(file: string): Promise<OpenTable> {
  const delimiter = await delimiterOf(file);
  const options = { bom: true, trim: true, skip_empty_lines: true, info: true, delimiter };
  // Unlike `pipe`, it ends both sides: the file is closed when no more rows are asked for, and a failing disk is told.
  const records = recordsOf(
    file,
    pipeline(createReadStream(file), parse(options), () => {}),
  );
  const { value: first } = await records.next();
  if (!first) throw new DataError(`${file} is empty; expected a header line that names the columns.`);
  return { file, columns: first.values, rows: records };
}

async function* recordsOf(file: string, parser: Parser): AsyncGenerator<Row, void, undefined> {
  try {
    // the library's types do not know of `info`
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      yield { line: info.lines, values: record };
    }
  } catch (error) {
    if (error instanceof CsvError) throw new DataError(`${file} is not a well-formed CSV file: ${error.message}.`);
    throw error;
  }
}

/** What separates the fields of the header line, the first that is not blank. */
async function delimiterOf(file: string): Promise<string> {
  let header = '';
  try {
    for await (const part of createReadStream(file, 'utf8')) {
      header += part;
      if (/[\r\n]/.test(header.trimStart())) break;
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new DataError(`${file} cannot be read: ${code === 'ENOENT' ? 'there is no such file' : message}.`);
  }
  header = header.split(/[\r\n]+/).find((line) => line.trim() !== '') ?? '';
  return [',', ';', '\t'].find((mark) => header.includes(mark)) ?? ',';
}

/**
 * The place of a column among a table's columns.
 * @param purpose what is in it, for the message, e.g. `the labels`
 * @throws DataError naming the columns that there are
 */
export function columnOf(table: Pick<Table, 'file' | 'columns'>, name: string, purpose: string): number {
  const index = table.columns.indexOf(name);
  if (index >= 0) return index;
  const found = table.columns.map((column) => `"${column}"`).join(', ');
  throw new DataError(
    `${table.file} has no column "${name}" for ${purpose}; its columns are ${found}. Name the right one.`,
  );
}

/**
 * The path of an image that a table names, inside `folder`.
 * @param where the table and line, for the message
 * @throws DataError when the name is empty or leaves the folder, as `../../secret.jpg` does
 */
export function imagePath(folder: string, name: string, where: string): string {
  if (name === '') throw new DataError(`${where}: the file name is empty.`);
  const file = path.resolve(folder, name);
  const inside = path.relative(path.resolve(folder), file);
  if (inside === '' || inside === '..' || inside.startsWith(`..${path.sep}`) || path.isAbsolute(inside)) {
    throw new DataError(`${where}: the file name "${name}" leaves the image folder ${folder}, which is not allowed.`);
  }
  return path.join(folder, inside);
}
