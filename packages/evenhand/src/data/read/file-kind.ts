/** Signatures of files that are given instead of a CSV file, with the remedy. */
const SIGNATURES: readonly (readonly [bytes: string, kind: string, remedy: string])[] = [
  ['\xff\xd8\xff', 'a JPEG image', ''],
  ['\x89PNG\r\n', 'a PNG image', ''],
  ['GIF8', 'a GIF image', ''],
  ['RIFF', 'a WebP image or another RIFF file', ''],
  ['II*\0', 'a TIFF image', ''],
  ['MM\0*', 'a TIFF image', ''],
  ['%PDF', 'a PDF document', ''],
  ['\x1f\x8b', 'a gzip archive', 'unpack it first'],
  ['\x37\x7a\xbc\xaf\x27\x1c', 'a 7-Zip archive', 'unpack it first'],
  ['Rar!', 'a RAR archive', 'unpack it first'],
  ['\xd0\xcf\x11\xe0', 'an Excel workbook (.xls) or another Office document', 'save it as "CSV UTF-8" there'],
  ['PAR1', 'a Parquet file', 'convert it to CSV'],
  ['SQLite format 3', 'an SQLite database', 'export the table as CSV'],
];

/**
 * What a file that does not hold text is, by its first bytes; undefined for text.
 * @param name its name: Office documents are ZIP archives too, and differ by their extension
 */
export function binaryKind(
  start: Buffer,
  name: string,
): { readonly kind: string; readonly remedy: string } | undefined {
  const text = start.subarray(0, 4096).toString('latin1');
  if (text.startsWith('PK\x03\x04')) {
    return /xl\/|\[Content_Types\]/.test(text) || /\.(xlsx|xlsm|ods|numbers)$/i.test(name)
      ? { kind: 'an Excel workbook (.xlsx) or another Office document', remedy: 'save it as "CSV UTF-8" there' }
      : { kind: 'a ZIP archive', remedy: 'unpack it first' };
  }
  const signature = SIGNATURES.find(([bytes]) => text.startsWith(bytes));
  if (signature !== undefined) return { kind: signature[1], remedy: signature[2] };
  if (/^\uFEFF?\s*<(!doctype html|html)/i.test(start.subarray(0, 300).toString('utf8'))) {
    return { kind: 'a web page (HTML)', remedy: 'its download probably failed, so download it again' };
  }
  if (text.includes('\0')) {
    return { kind: 'a binary file, or UTF-16 text without a byte order mark', remedy: 'save it as UTF-8' };
  }
  return undefined;
}
