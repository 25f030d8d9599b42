import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError } from '../errors.js';
import { columnOf, imagePath, readCsv } from './csv.js';
import { readLabelList, sortLabels } from './labels.js';

/** One labelled image. */
export interface Sample {
  /** Its path. */
  readonly file: string;
  /** Its class: an index into `Dataset.classes`. */
  readonly label: number;
}

/** Labelled images, in the order of their source. */
export interface Dataset {
  /** The labels; a class's index is its place here. */
  readonly classes: readonly string[];
  readonly train: readonly Sample[];
  /** Empty where the source has no validation set. */
  readonly val: readonly Sample[];
}

export interface ReadOptions {
  /** The folder with the training images of a CSV; else `train/images` beside train.csv, or the CSV's own folder. */
  readonly images?: string;
  /** A CSV of validation images, and their folder; else val.csv and `val/images` where they are. */
  readonly valCsv?: string;
  readonly valImages?: string;
  /** Names of columns; else `filename` and `label`. */
  readonly filenameColumn?: string;
  readonly labelColumn?: string;
  /** A file with all labels, a line each, in order; else label_list.txt where it is, else the labels found, sorted. */
  readonly labelList?: string;
}

/** Kinds of image that are looked for in folders; those that cannot be read are then reported, not passed over. */
const IMAGE = /\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|avif|bmp|heic|heif)$/i;

interface Row {
  file: string;
  label: string;
  where: string;
}

/**
 * Reads where the images are and what they show. `data` is one of
 * - a folder with train.csv (and val.csv), images in `train/images` (and `val/images`);
 * - a folder with a sub-folder a class, or with such folders in `train` (and `val`);
 * - a CSV file.
 * Images are not opened; `checkDataset` does that.
 * @throws DataError when something is missing, ambiguous, or a file name leaves its folder
 */
export async function readDataset(data: string, options: ReadOptions = {}): Promise<Dataset> {
  const kind = await kindOf(data);
  if (kind === undefined) throw new DataError(`${data}: there is no such file or folder.`);
  const folder = kind === 'folder' ? data : path.dirname(data);
  const trainCsv = kind === 'file' ? data : path.join(data, 'train.csv');
  let train: Row[];
  let val: Row[] = [];
  if ((await kindOf(trainCsv)) === 'file') {
    train = await rowsOfCsv(trainCsv, await imagesOf(trainCsv, options.images), options);
    const valCsv = options.valCsv ?? (kind === 'folder' ? path.join(data, 'val.csv') : undefined);
    if (valCsv !== undefined && (options.valCsv !== undefined || (await kindOf(valCsv)) === 'file')) {
      val = await rowsOfCsv(valCsv, await imagesOf(valCsv, options.valImages), options);
    }
  } else {
    const above = (await kindOf(path.join(data, 'train'))) === 'folder';
    train = await rowsOfFolder(above ? path.join(data, 'train') : data);
    const valFolder = path.join(data, 'val');
    if (above && (await kindOf(valFolder)) === 'folder') val = await rowsOfFolder(valFolder);
  }
  const listFile = options.labelList ?? path.join(folder, 'label_list.txt');
  const listed = await readLabelList(listFile);
  if (listed === undefined && options.labelList !== undefined)
    throw new DataError(`${listFile}: there is no such file.`);
  const classes = listed ?? sortLabels([...train, ...val].map((row) => row.label));
  const indexOf = new Map(classes.map((label, i) => [label, i]));
  const labelled = ({ file, label, where }: Row): Sample => {
    const index = indexOf.get(label);
    if (index !== undefined) return { file, label: index };
    throw new DataError(`${where}: the label "${label}" is not among the ${classes.length} labels of ${listFile}.`);
  };
  return { classes, train: train.map(labelled), val: val.map(labelled) };
}

async function rowsOfCsv(file: string, images: string, options: ReadOptions): Promise<Row[]> {
  const table = await readCsv(file);
  const filename = columnOf(table, options.filenameColumn ?? 'filename', 'the file names');
  const label = columnOf(table, options.labelColumn ?? 'label', 'the labels');
  if (table.rows.length === 0) throw new DataError(`${file} has a header but no rows.`);
  return table.rows.map(({ line, values }) => {
    const where = `${file}, line ${line}`;
    if (values[label] === '') throw new DataError(`${where}: the label is empty.`);
    return { file: imagePath(images, values[filename]!, where), label: values[label]!, where };
  });
}

/** The folder of a CSV's images: as asked, else NAME/images beside NAME.csv, else the CSV's own folder. */
export async function imagesOf(csv: string, asked: string | undefined): Promise<string> {
  const beside = path.join(path.dirname(csv), path.basename(csv, path.extname(csv)), 'images');
  if (asked === undefined) return (await kindOf(beside)) === 'folder' ? beside : path.dirname(csv);
  if ((await kindOf(asked)) === 'folder') return asked;
  throw new DataError(`The image folder ${asked} of ${csv} does not exist.`);
}

async function rowsOfFolder(folder: string): Promise<Row[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const visible = entries.filter((entry) => !entry.name.startsWith('.'));
  const names: string[] = [];
  for (const { name } of visible) if ((await kindOf(path.join(folder, name))) === 'folder') names.push(name);
  const rows: Row[] = [];
  for (const label of names.sort()) {
    const where = path.join(folder, label);
    for (const file of await imagesIn(where)) rows.push({ file, label, where });
  }
  if (rows.length > 0) return rows;
  throw new DataError(
    `${folder} has no train.csv and no sub-folders with images; expected one of them, a sub-folder for each class.`,
  );
}

/** Paths of the images in a folder and the folders in it, in their order; what a leading dot hides is left out. */
export async function imagesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  const hidden = (name: string): boolean => name.split(path.sep).some((part) => part.startsWith('.'));
  return names
    .filter((name) => IMAGE.test(name) && !hidden(name))
    .sort()
    .map((name) => path.join(folder, name));
}

export async function kindOf(place: string): Promise<'file' | 'folder' | undefined> {
  const found = await stat(place).catch(() => undefined);
  return found?.isFile() ? 'file' : found?.isDirectory() ? 'folder' : undefined;
}
