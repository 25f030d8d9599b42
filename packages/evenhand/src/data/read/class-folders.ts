import path from 'node:path';
import { plural } from '../../format.js';
import { DataError } from '../errors.js';
import { FolderWalk } from './folders.js';

/** An image with its label as text. */
export interface LabelledRow {
  readonly file: string;
  readonly label: string;
  /** The row or the class folder, for messages. */
  readonly where: string;
  /** The folder below the class folder, or below the image folder of a CSV file; empty if there is none. */
  readonly folder: string;
  /** The value of the group column; empty if there is none. */
  readonly group?: string;
}

type Role = 'train' | 'val' | 'test';

const ROLES: readonly (readonly [role: Role, names: RegExp])[] = [
  ['train', /^(train|training)$/],
  ['val', /^(val|valid|validation)$/],
  ['test', /^(test|testing)$/],
];

/** The split that a folder is named after: `train`, `Training`, `seg_train`, `valid`, `test_set`, ... */
export function splitRole(name: string): Role | undefined {
  const plain = name.toLowerCase().replace(/^seg[_-]/, '').replace(/[_-]?(set|data|images)$/, ''); // biome-ignore format: one line
  return ROLES.find(([, names]) => names.test(plain))?.[0];
}

export interface FolderRows {
  readonly train: readonly LabelledRow[];
  readonly val: readonly LabelledRow[];
  /** What was skipped, as sentences for the user. */
  readonly notes: readonly string[];
}

/**
 * Reads a folder with a sub-folder for each class, or with such folders in `train` (and `val`).
 * @throws DataError if there are no images, or it is not certain whether a folder is a split or a class
 */
export async function readClassFolders(data: string): Promise<FolderRows> {
  const walk = new FolderWalk(data);
  const names = await walk.subfolders(data);
  const byRole = (role: Role): string[] => names.filter((name) => splitRole(name) === role);
  const trainFolder = onlyOne(data, byRole('train'));
  if (trainFolder === undefined) {
    await walk.countLooseImages(data);
    const classes = await readClasses(walk, data, names);
    askAboutSplits(data, classes);
    return { train: rowsOf(data, classes), val: [], notes: walk.notes() };
  }
  const train = await readSplit(walk, path.join(data, trainFolder));
  const valFolder = onlyOne(data, byRole('val'));
  const val = valFolder === undefined ? [] : await readSplit(walk, path.join(data, valFolder));
  if (train.length === 0) await askIfTrainIsClass(walk, data, trainFolder, names);
  if (train.length === 0) throw noImages(path.join(data, trainFolder), walk);
  if (valFolder !== undefined && val.length === 0) throw noImages(path.join(data, valFolder), walk);
  const notes = walk.notes();
  const [testFolder] = byRole('test');
  if (valFolder === undefined && testFolder !== undefined) {
    notes.push(`The folder ${testFolder} is used neither to train nor to validate; score it with evenhand eval.`);
  }
  return { train, val, notes };
}

function onlyOne(data: string, names: readonly string[]): string | undefined {
  if (names.length < 2) return names[0];
  throw new DataError(
    `${data} has ${names.length} folders that stand for the same split: ${names.join(', ')}. ` +
      'Move all but one of them elsewhere.',
  );
}

interface ClassFolder {
  readonly name: string;
  readonly files: readonly string[];
}

async function readClasses(walk: FolderWalk, folder: string, names: readonly string[]): Promise<ClassFolder[]> {
  const classes: ClassFolder[] = [];
  for (const name of names) classes.push({ name, files: await walk.images(path.join(folder, name)) });
  const found = classes.filter(({ files }) => files.length > 0);
  if (found.length === 0) throw noImages(folder, walk);
  return found;
}

/** Class folders of a split, which may be in one more folder of its name: `seg_train/seg_train`. */
async function readSplit(walk: FolderWalk, folder: string): Promise<LabelledRow[]> {
  const names = await walk.subfolders(folder);
  const [only] = names;
  if (names.length === 1 && splitRole(only!) === splitRole(path.basename(folder))) {
    return readSplit(walk, path.join(folder, only!));
  }
  const classes: ClassFolder[] = [];
  for (const name of names) classes.push({ name, files: await walk.images(path.join(folder, name)) });
  await walk.countLooseImages(folder);
  return rowsOf(folder, classes);
}

const rowsOf = (folder: string, classes: readonly ClassFolder[]): LabelledRow[] =>
  classes.flatMap(({ name, files }) => {
    const where = path.join(folder, name);
    return files.map((file) => ({ file, label: name, where, folder: path.relative(where, path.dirname(file)) }));
  });

/** Refuses classes that are named like splits or contain splits: DATA may be one level too high. */
function askAboutSplits(data: string, classes: readonly ClassFolder[]): void {
  const splits = classes.filter(({ name }) => splitRole(name) !== undefined).map(({ name }) => name);
  const others = classes.filter(({ name }) => splitRole(name) === undefined).map(({ name }) => name);
  if (splits.length > 0) {
    const [list, example] = [splits.join(', '), splits[0]!];
    throw new DataError(
      others.length === 0
        ? `${data} has the ${folders(splits)} ${list} but none to train on: add a folder train with a sub-folder for each ` +
            `class. If these are classes, rename them, for example ${example} to class-${example}.`
        : `Does ${list} in ${data} stand for a split or for a class? If for a split, move the class folders ` +
            `(${others.slice(0, 3).join(', ')}${others.length > 3 ? ', ...' : ''}) into ${data}/train. If for a class, ` +
            `rename it, for example ${example} to class-${example}.`,
    );
  }
  for (const { name, files } of classes) {
    const inside = path.join(data, name);
    const first = new Set(files.map((file) => path.relative(inside, file).split(path.sep)[0]!));
    if ([...first].some((part) => splitRole(part) === 'train')) {
      throw new DataError(
        `${inside} has a sub-folder named like a split, so it is probably not a class. If the data is one level below, ` +
          `give ${inside} instead of ${data}; otherwise rename that sub-folder.`,
      );
    }
  }
}

/** `train` may be a class among others (car, bus, train): then it has images, but no class folders. */
async function askIfTrainIsClass(
  walk: FolderWalk,
  data: string,
  train: string,
  names: readonly string[],
): Promise<void> {
  const images = await walk.images(path.join(data, train));
  const others = names.filter((name) => splitRole(name) === undefined);
  if (images.length === 0) return;
  const count = plural(images.length, 'image');
  throw new DataError(
    others.length > 0
      ? `Is the folder ${train} in ${data} a split or a class? It has ${count} but no sub-folder for each class. If it is ` +
          `a class beside ${others[0]}, rename it, for example to class-${train}.`
      : `${path.join(data, train)} has ${count} but no sub-folder for each class: sort them into such folders, or ` +
          `describe them in ${path.join(data, 'train.csv')} with the columns filename and label.`,
  );
}

function noImages(folder: string, walk: FolderWalk): DataError {
  const notes = walk.notes();
  return new DataError(
    `${folder} has no train.csv and no sub-folders with images; expected one of them, with a sub-folder for each class.` +
      `${notes.length > 0 ? ` ${notes.join(' ')} Convert images of other formats to JPEG or PNG.` : ''}`,
  );
}

const folders = (names: readonly string[]): string => (names.length === 1 ? 'folder' : 'folders');
