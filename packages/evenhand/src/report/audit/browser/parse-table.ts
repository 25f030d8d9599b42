import { type CsvError, parse } from 'csv-parse/browser/esm/sync';
import { CorrectionsError } from '../../../corrections.js';

interface Row {
  readonly line: number;
  readonly values: string[];
}

/**
 * The table in the text of a CSV file, by the rules of `readCsv` in `data`: commas, semicolons or tabs, blank lines
 * skipped, spaces around values dropped unless they are quoted.
 *
 * @param name what messages call the file
 * @throws CorrectionsError if the text is not a table
 */
export function parseTable(text: string, name: string): { columns: string[]; rows: Row[] } {
  const header = text.split(/[\r\n]+/).find((line) => line.trim() !== '') ?? '';
  const delimiter = [',', ';', '\t'].find((mark) => header.includes(mark)) ?? ',';
  const [first, ...rows] = recordsOf(text, name, delimiter);
  if (first === undefined) throw new CorrectionsError(`${name} is empty; expected a corrections.csv.`);
  return { columns: first.values, rows };
}

function recordsOf(text: string, name: string, delimiter: string): Row[] {
  try {
    const records: unknown = parse(text, { bom: true, trim: true, skip_empty_lines: true, info: true, delimiter });
    // The library's types do not know of `info`.
    return (records as { record: string[]; info: { lines: number } }[]).map(({ record, info }) => ({
      line: info.lines,
      values: record,
    }));
  } catch (error) {
    throw new CorrectionsError(`${name} is not a well-formed CSV file: ${(error as CsvError).message}.`, {
      cause: error,
    });
  }
}
