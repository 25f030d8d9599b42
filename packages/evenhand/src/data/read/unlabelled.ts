import { DataError } from '../errors.js';
import { columnOf, imagePath, openCsv } from './csv.js';
import { imagesIn, imagesOf, kindOf } from './formats.js';

/** An image without a label. */
export interface Unlabelled {
  /** What answers call it: the row's id, or the path as it was found. */
  readonly id: string;
  /** Its path. */
  readonly file: string;
}

/** Images to answer for, read as often as asked and a few at a time. */
export interface UnlabelledSource {
  /** What the ids are called, the first column of the answers. */
  readonly idName: string;
  rows(): AsyncIterable<Unlabelled>;
}

export interface UnlabelledCsvOptions {
  /** The folder with the images; else NAME/images beside NAME.csv, or the CSV's own folder. */
  readonly images?: string | undefined;
  /** The column with the file names; else `filename`. */
  readonly filenameColumn?: string | undefined;
  /** The column with the ids; else `image_id` or `id` where there is one, else the file names are the ids. */
  readonly idColumn?: string | undefined;
}

/**
 * The images that a CSV file names. Whether they exist is not looked at.
 *
 * @throws DataError when the file, a column or the folder is missing; when it is read, where a file name leaves the folder
 */
export async function unlabelledCsv(file: string, options: UnlabelledCsvOptions = {}): Promise<UnlabelledSource> {
  const images = await imagesOf(file, options.images);
  const { columns, rows: unread } = await openCsv(file);
  await unread.return();
  const table = { file, columns };
  const filename = columnOf(table, options.filenameColumn ?? 'filename', 'the file names');
  const found = ['image_id', 'id'].find((name) => columns.includes(name));
  const id = options.idColumn === undefined && found === undefined ? filename : undefined;
  const idColumn = id ?? columnOf(table, options.idColumn ?? found!, 'the ids');
  return {
    idName: columns[idColumn]!,
    async *rows() {
      const { rows } = await openCsv(file);
      for await (const { line, values } of rows) {
        yield { id: values[idColumn]!, file: imagePath(images, values[filename]!, `${file}, line ${line}`) };
      }
    },
  };
}

/**
 * The images at these paths: files as they are, folders with all images in them.
 *
 * @throws DataError for a path that is not there and for a folder without an image
 */
export async function unlabelledFiles(paths: readonly string[]): Promise<UnlabelledSource> {
  const files: string[] = [];
  for (const place of paths) {
    const kind = await kindOf(place);
    if (kind === undefined) throw new DataError(`${place}: there is no such file or folder.`);
    const found = kind === 'file' ? [place] : await imagesIn(place);
    if (found.length === 0)
      throw new DataError(`${place} has no images in it: expected JPEG, PNG, WebP, GIF, TIFF or AVIF.`);
    for (const file of found) files.push(file);
  }
  return {
    idName: 'filename',
    async *rows() {
      for (const file of files) yield { id: file, file };
    },
  };
}
