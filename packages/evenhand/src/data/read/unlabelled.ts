import { existsSync } from 'node:fs';
import { DataError } from '../errors.js';
import { columnOf, openCsv } from './csv.js';
import { IMAGES_SAMPLED, imageFinder, imageFolderOf } from './find-images.js';
import { imagesIn, kindOf } from './folders.js';

/** An image without a label. */
export interface Unlabelled {
  /** Its id in predictions: the id of its row, or its path as it was found. */
  readonly id: string;
  /** Its path; empty if the row has none. */
  readonly file: string;
}

/** Images to classify. They can be read several times, a few at a time. */
export interface UnlabelledSource {
  /** The name of the ids: the first column of the predictions. */
  readonly idName: string;
  rows(): AsyncIterable<Unlabelled>;
}

export interface UnlabelledCsvOptions {
  /** The folder with the images; default NAME/images beside NAME.csv, or the CSV's own folder. */
  readonly images?: string | undefined;
  /** The column with the file names; default `filename`. */
  readonly filenameColumn?: string | undefined;
  /** The column with the ids; default `image_id` or `id` if there is one, else the file names are the ids. */
  readonly idColumn?: string | undefined;
}

/**
 * The images that a CSV file names. It does not check whether they exist.
 *
 * @throws DataError if the file, a column or the folder is missing; while it is read, if a file name leaves the folder
 */
export async function unlabelledCsv(file: string, options: UnlabelledCsvOptions = {}): Promise<UnlabelledSource> {
  const { columns, rows: firstRows } = await openCsv(file);
  const table = { file, columns };
  try {
    const nameAt = columnOf(table, options.filenameColumn ?? 'filename', 'the file names', '--filename-column');
    const usualId = ['image_id', 'id'].find((name) => columns.includes(name));
    const idName = options.idColumn ?? usualId;
    const idAt = idName === undefined ? nameAt : columnOf(table, idName, 'the ids', '--id-column');
    const names: string[] = [];
    for await (const { values } of firstRows) if (names.push(values[nameAt]!) === IMAGES_SAMPLED) break;
    const { folder } = await imageFolderOf(file, options.images, names);
    const find = imageFinder(folder);
    return {
      idName: columns[idAt]!,
      async *rows() {
        const { rows } = await openCsv(file);
        for await (const { line, values } of rows) {
          const name = values[nameAt]!;
          yield { id: values[idAt]!, file: name === '' ? '' : find(name, `${file}, line ${line}`) };
        }
      },
    };
  } finally {
    await firstRows.return();
  }
}

/**
 * The images at these paths: files as they are, folders with all images in them.
 *
 * @throws DataError for a path that does not exist and for a folder without images
 */
export async function unlabelledFiles(paths: readonly string[]): Promise<UnlabelledSource> {
  const files: string[] = [];
  for (const place of paths) {
    const kind = await kindOf(place);
    if (kind === undefined) {
      const exists = existsSync(place);
      throw new DataError(
        exists ? `${place} is neither a file nor a folder.` : `${place}: there is no such file or folder.`,
      );
    }
    const images = kind === 'file' ? [place] : await imagesIn(place);
    if (images.length === 0)
      throw new DataError(`${place} has no images in it: expected JPEG, PNG, WebP, GIF, TIFF or AVIF.`);
    for (const file of images) files.push(file);
  }
  return {
    idName: 'filename',
    async *rows() {
      for (const file of files) yield { id: file, file };
    },
  };
}
