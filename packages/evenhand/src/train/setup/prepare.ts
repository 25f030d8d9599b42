import {
  applyCorrections,
  type BadImage,
  type Dataset,
  explainMissing,
  findDuplicates,
  fingerprintOf,
  groupDuplicates,
  MISSING_FILE,
  type ReadOptions,
  readDataset,
  type Sample,
  type Scan,
  type Split,
  scanImages,
  splitFingerprintOf,
  splitFold,
  splitFraction,
} from '../../data/index.js';
import { formatPercent, plural } from '../../format.js';
import { printable } from '../../printable.js';
import { ConfigError } from '../config/field.js';
import { type Config, DATA_FILES, fields, fieldsOfGroup } from '../config/fields.js';
import { reportProgress, type TrainEvent } from '../events.js';
import { countLabels } from '../objective/balance.js';
import { scanCacheFolder } from './image-cache.js';

/** The data of a run: read, checked and split. */
export interface Prepared extends Dataset {
  /** Of the data: `fingerprintOf`. */
  readonly fingerprint: string;
  /** Of the data in its order and with its split: `splitFingerprintOf`. */
  readonly splitFingerprint: string;
  /** The SHA-256 of each readable file, hexadecimal. */
  readonly hashes: ReadonlyMap<string, string>;
  /** Unreadable images that are skipped. */
  readonly skipped: readonly BadImage[];
  /** Samples whose label a person has confirmed or set. */
  readonly confirmed: ReadonlySet<Sample>;
  /** [N] the group of each training image, as in `splitGroups`; only if labels are judged. */
  readonly groups?: Int32Array;
}

type OnEvent = (event: TrainEvent) => void;

/** Held out if the data has no validation images and the configuration does not say how many. */
const AUTO_FRACTION = 0.15;

/** How many files and classes a message names. */
const SHOWN = 10;

/** The options of `readDataset` that a configuration sets. */
export function readOptions(config: Config): ReadOptions {
  const set = fieldsOfGroup(DATA_FILES).filter((name) => config[name] !== fields[name].default);
  return Object.fromEntries(set.map((name) => [name, config[name]]));
}

/**
 * Reads the data, opens every image once, and holds out validation images.
 *
 * @throws DataError if the data cannot be used; ConfigError if there are no validation images, or if images are unreadable
 * and `onBadImage` is `stop`
 */
export async function prepareData(config: Config, onEvent: OnEvent): Promise<Prepared> {
  const { usable, scan, prepared } = await readData(config, onEvent);
  const { split, groups } = await holdOut(config, usable, scan, onEvent);
  requireValidation(config, split);
  noteAbsentClasses(split, onEvent);
  return prepared(split, groups);
}

/** The data of a cross-validation. */
export interface PreparedFolds {
  /** All images to train on, and the validation images of the data, which no fold uses. */
  readonly all: Prepared;
  /** The data of each fold. Together, their validation images are the training images of `all`. */
  readonly folds: readonly Prepared[];
}

/** The data of a cross-validation before it is divided. */
export interface UndividedData {
  readonly all: Prepared;
  /** @throws ConfigError if a fold has no images */
  readonly divide: (folds: number) => Promise<PreparedFolds>;
}

/** As `prepareData`, for all folds. */
export async function prepareFolds(config: Config, onEvent: OnEvent): Promise<UndividedData> {
  const { usable, scan, prepared } = await readData(config, onEvent);
  const { train, val } = usable;
  const groups = await splitGroups(train, scan, reportProgress('duplicates', onEvent));
  if (val.length > 0) {
    onEvent({
      type: 'note',
      text: `The ${plural(val.length, 'validation image')} of the data are in no fold: the finished model is scored on them once.`,
    });
  }
  // Every training image is validated on.
  noteAbsentClasses({ ...usable, val: train }, onEvent);
  const kept = config.labelNoise !== 'off' ? groups : undefined;
  const all = await prepared(usable, kept);
  const labels = train.map(({ label }) => label);
  const divide = async (folds: number): Promise<PreparedFolds> => {
    const splits = Array.from({ length: folds }, (_, fold) => splitFold(labels, folds, fold, config.seed, groups));
    const emptyFold = splits.findIndex((split) => split.val.length === 0);
    if (emptyFold >= 0) {
      throw new ConfigError(
        `Fold ${emptyFold} of ${folds} has no images, because many of the ${plural(train.length, 'training image')} belong together (near-duplicates, groups): set fewer folds`,
      );
    }
    return { all, folds: await Promise.all(splits.map((split) => prepared(...partsOf(usable, split, kept)))) };
  };
  return { all, divide };
}

/** The images of a split, and the groups of its training images: a group is on one side as a whole. */
function partsOf(dataset: Dataset, split: Split, groups: Int32Array | undefined): [Dataset, Int32Array | undefined] {
  const pick = (indices: Int32Array) => Array.from(indices, (i) => dataset.train[i]!);
  return [{ ...dataset, train: pick(split.train), val: pick(split.val) }, groups && split.train.map((i) => groups[i]!)];
}

/** Reads the data and opens every image once. `prepared` completes the data of a split. */
async function readData(config: Config, onEvent: OnEvent) {
  const { dataset, confirmed } = await correctedDataset(config, onEvent);
  const files = [...dataset.train, ...dataset.val].map(({ file }) => file);
  const scan = await scanImages(files, reportProgress('scan', onEvent), scanCacheFolder(config.cache));
  if (scan.bad.length > 0) refuseOrSkip(config, scan, files.length, onEvent);
  const readable = (samples: readonly Sample[]) => samples.filter(({ file }) => scan.images.has(file));
  const usable = { ...dataset, train: readable(dataset.train), val: readable(dataset.val) };
  requireTraining(usable);
  const hashes = hashesOf(scan);
  const fingerprint = await fingerprintOf(dataset, scan);
  const prepared = async (split: Dataset, groups?: Int32Array): Promise<Prepared> => ({
    ...split,
    fingerprint,
    splitFingerprint: await splitFingerprintOf(split, scan),
    hashes,
    skipped: scan.bad,
    confirmed,
    ...(groups === undefined ? {} : { groups }),
  });
  return { usable, scan, prepared };
}

/** The SHA-256 of the files of a scan. */
export const hashesOf = ({ images }: Scan): Map<string, string> =>
  new Map(Array.from(images, ([file, { sha256 }]) => [file, sha256]));

async function correctedDataset(
  config: Config,
  onEvent: OnEvent,
): Promise<Pick<Prepared, 'confirmed'> & { dataset: Dataset }> {
  const dataset = await readDataset(config.data, readOptions(config));
  for (const text of dataset.notes ?? []) onEvent({ type: 'note', text });
  if (config.corrections === '') return { dataset, confirmed: new Set() };
  const { changed, dropped, ...corrected } = await applyCorrections(dataset, config.data, config.corrections);
  const { size } = corrected.confirmed;
  const counts = `${plural(changed, 'label')} changed, ${size - changed} confirmed, ${plural(dropped, 'image')} removed`;
  onEvent({ type: 'note', text: `Corrections: ${counts}.` });
  return corrected;
}

/**
 * [N] a number for each sample that near-duplicates and the images of one group share: they stay on one side of a split.
 * @param onProgress called with the number of images that are compared
 */
export async function splitGroups(
  samples: readonly Sample[],
  scan: Scan,
  onProgress?: (done: number, total: number) => void,
): Promise<Int32Array> {
  const files = samples.map(({ file }) => file);
  const facts = [...new Set(files)].map((file) => scan.images.get(file)!);
  const { pairs } = await findDuplicates(facts, onProgress);
  return groupDuplicates(files, pairs, samples.map(({ group }) => group)); // biome-ignore format: one line
}

function refuseOrSkip({ onBadImage, data }: Config, { bad, images }: Scan, total: number, onEvent: OnEvent): void {
  const lines = bad.map(({ file, reason }) => `\n  ${printable(file)}: ${reason}`);
  const missing = bad.filter(({ reason }) => reason === MISSING_FILE).map(({ file }) => file);
  const explanation = missing.length > total / 2 ? ` ${explainMissing(missing)}` : '';
  const are = bad.length === 1 ? 'is' : 'are';
  const count = `${plural(bad.length, 'image')} of ${total.toLocaleString('en')} ${are} missing or unreadable`;
  const shown = lines.slice(0, SHOWN).join('');
  const more = bad.length - SHOWN;
  if (onBadImage === 'stop' || images.size === 0) {
    const remedy =
      images.size === 0 ? 'none is left to train on' : 'fix or remove them, or skip them with --on-bad-image skip';
    const rest = more > 0 ? `\n  and ${more.toLocaleString('en')} more: evenhand check ${data} --all shows all` : '';
    throw new ConfigError(`${count}: ${remedy}.${explanation}${shown}${rest}`);
  }
  const rest = more > 0 ? `\n  and ${more.toLocaleString('en')} more, which are in the log of the run` : '';
  onEvent({
    type: 'note',
    text: `${count} and ${are} skipped.${explanation}${shown}${rest}`,
    ...(more > 0 ? { details: lines.slice(SHOWN).join('').trimStart() } : {}),
  });
}

/**
 * The data with validation images held out as the configuration says, and the groups of its training images if labels are
 * judged.
 */
async function holdOut(
  config: Config,
  dataset: Dataset,
  scan: Scan,
  onEvent: OnEvent,
): Promise<{ split: Dataset; groups?: Int32Array }> {
  const { folds, fold, seed } = config;
  if (fold === 'all') throw new ConfigError('fold is all: one training holds out one fold, give its number');
  const { train, val } = dataset;
  const note = (text: string): void => onEvent({ type: 'note', text });
  const isAuto = config.valFraction === 'auto';
  const fraction = config.valFraction === 'auto' ? (val.length === 0 ? AUTO_FRACTION : 0) : config.valFraction;
  const judgesLabels = config.labelNoise === 'auto';
  const groupsOfTrain = () => splitGroups(train, scan, reportProgress('duplicates', onEvent));
  if (folds === 0 && fraction === 0) {
    noteSharedGroups(dataset, note);
    return { split: dataset, ...(judgesLabels ? { groups: await groupsOfTrain() } : {}) };
  }
  if (val.length > 0) {
    note(`The ${plural(val.length, 'validation image')} of the data are not used: validation is held out of training.`);
  }
  const labels = train.map(({ label }) => label);
  const groups = await groupsOfTrain();
  const split =
    folds > 0 ? splitFold(labels, folds, fold, seed, groups) : splitFraction(labels, fraction, seed, groups);
  const share = split.val.length / train.length;
  const held = `${split.val.length.toLocaleString('en')} of ${plural(train.length, 'training image')} (${formatPercent(share)})`;
  if (split.val.length > 0 && folds === 0) {
    if (split.relaxed) {
      note(
        `Nothing could be held out at exactly ${formatPercent(fraction)}, because classes have one image or images that ` +
          `belong together (near-duplicates, groups) are many: ${held} are held out for validation, the nearest split.`,
      );
    } else if (isAuto) {
      note(`The data has no validation images: ${held} are held out (--val-fraction sets how many, 0 none).`);
    } else if (Math.abs(share - fraction) > Math.max(0.02, 0.25 * fraction)) {
      note(
        `${held} are held out for validation in place of ${formatPercent(fraction)}: every class of two images or more ` +
          'gives at least one and keeps at least one, and images that belong together stay together.',
      );
    }
  }
  const [parts, groupsOfParts] = partsOf(dataset, split, judgesLabels ? groups : undefined);
  return { split: parts, ...(groupsOfParts ? { groups: groupsOfParts } : {}) };
}

function noteSharedGroups({ train, val }: Dataset, note: (text: string) => void): void {
  const inTrain = new Set(train.flatMap(({ group }) => group ?? []));
  const shared = new Set(val.flatMap(({ group }) => (group !== undefined && inTrain.has(group) ? [group] : [])));
  if (shared.size === 0) return;
  note(
    `${plural(shared.size, 'group')} of images ${shared.size === 1 ? 'is' : 'are'} in both training and validation of the ` +
      'data, which makes scores too good: hold out validation images with --val-fraction instead.',
  );
}

function requireTraining({ train, classes }: Dataset): void {
  if (train.length === 0) throw new ConfigError('There are no training images');
  if (classes.length < 2) {
    throw new ConfigError(`All images have the label ${printable(classes[0]!)}; a classifier needs at least 2 classes`);
  }
}

function requireValidation({ valFraction, folds }: Config, { train, val }: Dataset): void {
  if (val.length > 0) return;
  if (folds === 0 && valFraction !== 0) {
    throw new ConfigError(
      `All ${plural(train.length, 'training image')} belong together (near-duplicates, or one group), so none can be held ` +
        'out for validation: give validation images, or groups that are smaller',
    );
  }
  throw new ConfigError(
    'There are no validation images, and no checkpoint can be chosen without them: give some (a folder val, val.csv or ' +
      '--val-csv), or hold some out with --val-fraction 0.15 or --folds 5 --fold 0',
  );
}

/** What `evenhand check` says of classes without images, before they spoil scores. */
function noteAbsentClasses({ classes, train, val }: Dataset, onEvent: OnEvent): void {
  const absentFrom = (samples: readonly Sample[]): string[] => {
    const counts = countLabels(samples, classes.length);
    return classes.filter((_, k) => counts[k] === 0);
  };
  const note = (absent: readonly string[], part: string, consequence: string): void => {
    if (absent.length === 0) return;
    const names = absent.slice(0, SHOWN).map((label) => printable(label, 60));
    const list = `${names.join(', ')}${absent.length > SHOWN ? ', ...' : ''}`;
    const have = `${plural(absent.length, 'class', 'classes')} of ${classes.length} ${absent.length === 1 ? 'has' : 'have'}`;
    onEvent({ type: 'note', text: `${have} no ${part} images (${list}): ${consequence}.` });
  };
  note(absentFrom(train), 'training', 'they cannot be learned, and every image of them counts as an error');
  note(absentFrom(val), 'validation', 'Macro F1 says nothing about them');
}
