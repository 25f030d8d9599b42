import path from 'node:path';
import { plural } from '../../format.js';
import { printable } from '../../printable.js';
import { DataError } from '../errors.js';
import { Turns } from '../turns.js';
import { type LabelledRow, readClassFolders } from './class-folders.js';
import { columnOf, readCsv } from './csv.js';
import { imageFinder, imageFolderOf } from './find-images.js';
import { kindOf } from './folders.js';
import { joinLabels, missingLabelTest, readLabelList } from './labels.js';
import { whyNotRegular } from './regular-file.js';

/** One labelled image. */
export interface Sample {
  /** Its path. */
  readonly file: string;
  /** Its class: an index into `Dataset.classes`. */
  readonly label: number;
  /** What it shares with other images, such as the plant or the video that they show: they stay on one side of a split. */
  readonly group?: string;
}

/** Labelled images, in the order of their source. */
export interface Dataset {
  /** The labels; the index of a label is its class. */
  readonly classes: readonly string[];
  readonly train: readonly Sample[];
  /** Empty if the source has no validation images. */
  readonly val: readonly Sample[];
  /** What was skipped, joined or found elsewhere, as sentences for the user. */
  readonly notes?: readonly string[];
}

export interface ReadOptions {
  /** The folder with the training images of a CSV file; default `train/images` beside train.csv, or the CSV's own folder. */
  readonly images?: string;
  /** A CSV file of validation images, and their folder; default val.csv and `val/images` if they exist. */
  readonly valCsv?: string;
  readonly valImages?: string;
  /** Names of columns; default `filename` and `label`. */
  readonly filenameColumn?: string;
  readonly labelColumn?: string;
  /** A file with all labels in order, one per line; default label_list.txt if it exists, else the labels found, sorted. */
  readonly labelList?: string;
  /** The column of a CSV file with the groups of images that stay on one side of a split. */
  readonly groupColumn?: string;
  /** Whether images of one folder are such a group: folders inside class folders, or of the file names of a CSV file. */
  readonly groupFolder?: boolean;
  /** Whether rows of a CSV file without a label are an error (default) or are skipped. */
  readonly onUnlabelled?: 'stop' | 'skip';
}

/**
 * Reads the paths of images and their labels. `data` is one of
 * - a folder with train.csv (and val.csv), images in `train/images` (and `val/images`);
 * - a folder with a sub-folder for each class, or with such folders in `train` (and `val`);
 * - a CSV file.
 * Images are not opened; `checkDataset` does that.
 * @throws DataError if something is missing, ambiguous, or a file name leaves its folder
 */
export async function readDataset(data: string, options: ReadOptions = {}): Promise<Dataset> {
  const kind = await kindOf(data);
  if (kind === undefined) {
    const reason = await whyNotRegular(data);
    throw new DataError(
      `${data}: ${reason === undefined || reason === 'there is no such file' ? 'there is no such file or folder' : reason}.`,
    );
  }
  const folder = kind === 'folder' ? data : path.dirname(data);
  const listFile = options.labelList ?? path.join(folder, 'label_list.txt');
  const listed = await readLabelList(listFile);
  if (listed === undefined && options.labelList !== undefined)
    throw new DataError(`${listFile}: there is no such file.`);
  const trainCsv = kind === 'file' ? data : path.join(data, 'train.csv');
  const hasCsv = (await kindOf(trainCsv)) === 'file';
  const rows = hasCsv ? await readTables(trainCsv, kind, listed, options) : await readFolders(data, options);
  const { classes, classOf, notes } = joinLabels(
    [...rows.train, ...rows.val].map(({ label }) => label),
    listed,
  );
  const indexOf = new Map(classes.map((label, i) => [label, i]));
  const toSample = (row: LabelledRow): Sample => {
    const index = indexOf.get(classOf.get(row.label) ?? '');
    if (index === undefined) {
      throw new DataError(
        `${row.where}: the label "${printable(row.label)}" is not one of the ${classes.length} labels of ${listFile}.`,
      );
    }
    const group = groupOf(row, options);
    return { file: row.file, label: index, ...(group === undefined ? {} : { group }) };
  };
  const allNotes = [...rows.notes, ...notes];
  return {
    classes,
    train: rows.train.map(toSample),
    val: rows.val.map(toSample),
    ...(allNotes.length > 0 ? { notes: allNotes } : {}),
  };
}

interface Rows {
  readonly train: readonly LabelledRow[];
  readonly val: readonly LabelledRow[];
  readonly notes: readonly string[];
}

function readFolders(data: string, { groupColumn }: ReadOptions): Promise<Rows> {
  if (groupColumn === undefined) return readClassFolders(data);
  throw new DataError(`${data} has no CSV file with a column "${printable(groupColumn)}": use --group-folder instead.`);
}

/** A prefix keeps groups of the column and of folders apart. */
function groupOf({ folder, group, label }: LabelledRow, { groupFolder }: ReadOptions): string | undefined {
  if (group !== undefined && group !== '') return `column:${group}`;
  return groupFolder === true && folder !== '' ? `folder:${label}/${folder}` : undefined;
}

async function readTables(
  trainCsv: string,
  kind: 'file' | 'folder',
  listed: readonly string[] | undefined,
  options: ReadOptions,
): Promise<Rows> {
  const notes: string[] = [];
  const train = await rowsOfCsv(trainCsv, options.images, listed, options, notes);
  const valCsv = options.valCsv ?? (kind === 'folder' ? await valCsvBeside(trainCsv) : undefined);
  const val = valCsv === undefined ? [] : await rowsOfCsv(valCsv, options.valImages, listed, options, notes);
  return { train, val, notes };
}

/** The validation table beside train.csv, by one of its usual names. */
async function valCsvBeside(trainCsv: string): Promise<string | undefined> {
  for (const name of ['val.csv', 'valid.csv', 'validation.csv']) {
    const file = path.join(path.dirname(trainCsv), name);
    if ((await kindOf(file)) === 'file') return file;
  }
  return undefined;
}

async function rowsOfCsv(
  file: string,
  images: string | undefined,
  listed: readonly string[] | undefined,
  { filenameColumn, labelColumn, groupColumn, onUnlabelled = 'stop' }: ReadOptions,
  notes: string[],
): Promise<LabelledRow[]> {
  const table = await readCsv(file);
  const nameAt = columnOf(table, filenameColumn ?? 'filename', 'the file names', '--filename-column');
  const labelAt = columnOf(table, labelColumn ?? 'label', 'the labels', '--label-column');
  const groupAt = groupColumn === undefined ? -1 : columnOf(table, groupColumn, 'the groups', '--group-column');
  if (table.rows.length === 0) throw new DataError(`${file} has a header but no rows.`);
  const isMissing = missingLabelTest(listed);
  const unlabelled = table.rows.filter(({ values }) => isMissing(values[labelAt]!));
  if (unlabelled.length > 0) {
    const text = `${unlabelled.length.toLocaleString('en')} of ${plural(table.rows.length, 'row')} of ${file} have no label`;
    if (onUnlabelled === 'stop') throw unlabelledRows(text, unlabelled);
    if (unlabelled.length === table.rows.length) throw new DataError(`${text}, so there is nothing to learn from.`);
    notes.push(`${text} and are skipped.`);
  }
  const skipped = new Set(unlabelled);
  const rows = table.rows.filter((row) => !skipped.has(row));
  const { folder, note } = await imageFolderOf(
    file,
    images,
    rows.map(({ values }) => values[nameAt]!),
  );
  if (note !== undefined) notes.push(note);
  const find = imageFinder(folder);
  const turns = new Turns();
  const found: LabelledRow[] = [];
  for (const { line, values } of rows) {
    const where = `${file}, line ${line}`;
    const image = find(values[nameAt]!, where);
    const inside = path.relative(folder, path.dirname(image));
    found.push({ file: image, label: values[labelAt]!, where, folder: inside, group: values[groupAt] ?? '' });
    // Looking for a file takes long on a network drive.
    if (turns.due) await turns.next();
  }
  return found;
}

function unlabelledRows(text: string, rows: readonly { readonly line: number }[]): DataError {
  const lines = rows.slice(0, 10).map(({ line }) => line.toLocaleString('en'));
  const where = rows.length === 1 ? `line ${lines[0]}` : `lines ${lines.join(', ')}${rows.length > 10 ? ', ...' : ''}`;
  return new DataError(`${text} (${where}): add the labels, or skip these rows with --on-unlabelled skip.`);
}
