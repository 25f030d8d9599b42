import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CsvError, parse } from 'csv-parse/sync';
import { DataError } from './errors.js';

/** A table with a header line; the values of a row stand in the order of `columns`. */
export interface Table {
  readonly file: string;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly line: number; readonly values: readonly string[] }[];
}

/**
 * Reads a CSV file with a header line, in UTF-8 with or without byte order mark, lines ending in LF or CRLF, fields
 * quoted or not, separated by commas (or by semicolons or tabs where the header has no comma). Blank lines are skipped
 * and spaces around values dropped.
 * @throws DataError when the file is missing, empty, or a row has another number of fields than the header
 */
export async function readCsv(file: string): Promise<Table> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new DataError(
      `${file} cannot be read: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}.`,
    );
  });
  const header = text.slice(0, text.search(/[\r\n]|$/));
  const delimiter = [',', ';', '\t'].find((mark) => header.includes(mark)) ?? ',';
  let records: { record: string[]; info: { lines: number } }[];
  try {
    const parsed: unknown = parse(text, { bom: true, trim: true, skip_empty_lines: true, info: true, delimiter });
    records = parsed as typeof records; // the library's types do not know of `info`
  } catch (error) {
    if (error instanceof CsvError) throw new DataError(`${file} is not a well-formed CSV file: ${error.message}.`);
    throw error;
  }
  const [first, ...rest] = records;
  if (first === undefined) throw new DataError(`${file} is empty; expected a header line that names the columns.`);
  return { file, columns: first.record, rows: rest.map(({ record, info }) => ({ line: info.lines, values: record })) };
}

/**
 * The place of a column among a table's columns.
 * @param purpose what is in it, for the message, e.g. `the labels`
 * @throws DataError naming the columns that there are
 */
export function columnOf(table: Table, name: string, purpose: string): number {
  const index = table.columns.indexOf(name);
  if (index >= 0) return index;
  const found = table.columns.map((column) => `"${column}"`).join(', ');
  throw new DataError(
    `${table.file} has no column "${name}" for ${purpose}; its columns are ${found}. Name the right one.`,
  );
}

/**
 * The path of a picture that a table names, inside `folder`.
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
