import {
  applyCorrections,
  type BadImage,
  type Dataset,
  findDuplicates,
  fingerprintOf,
  groupDuplicates,
  type ReadOptions,
  readDataset,
  type Sample,
  type Scan,
  scanImages,
  splitFold,
  splitFraction,
} from '../../data/index.js';
import { ConfigError } from '../config/field.js';
import { type Config, DATA_FILES, fieldsOfGroup } from '../config/fields.js';
import type { TrainEvent } from '../events.js';

/** The data of a run: read, looked through, split. */
export interface Prepared extends Dataset {
  readonly fingerprint: string;
  /** Unreadable images that are left out. */
  readonly skipped: readonly BadImage[];
  /** Samples whose label a person has confirmed or set. */
  readonly confirmed: ReadonlySet<Sample>;
  /** For each training image a number that near-duplicates share; only where labels are to be judged. */
  readonly groups?: Int32Array;
}

/** What `readDataset` needs of a configuration. */
export function readOptions(config: Config): ReadOptions {
  const set = fieldsOfGroup(DATA_FILES).filter((name) => config[name] !== '');
  return Object.fromEntries(set.map((name) => [name, config[name]]));
}

/**
 * Reads the data, opens every image once, and sets the validation images apart.
 *
 * @throws DataError where the data cannot be used; ConfigError where there is nothing to validate on, or images are
 * unreadable and `onBadImage` is `stop`: it lists them
 */
export async function prepareData(config: Config, onEvent: (event: TrainEvent) => void): Promise<Prepared> {
  const { dataset, confirmed } = await correctedDataset(config, onEvent);
  const files = [...dataset.train, ...dataset.val].map(({ file }) => file);
  const begin = performance.now();
  const scan = await scanImages(files, (done, total) => {
    const imagesPerSecond = (done * 1000) / (performance.now() - begin);
    onEvent({ type: 'progress', stage: 'scan', epoch: 0, epochs: 0, done, total, imagesPerSecond });
  });
  if (scan.bad.length > 0) refuseOrSkip(config, scan, onEvent);
  const readable = (samples: readonly Sample[]) => samples.filter(({ file }) => scan.images.has(file));
  const split = setApart(
    config,
    { ...dataset, train: readable(dataset.train), val: readable(dataset.val) },
    scan,
    onEvent,
  );
  requireBoth(split);
  return {
    ...split,
    fingerprint: fingerprintOf(dataset, scan),
    skipped: scan.bad,
    confirmed,
    ...(config.labelNoise === 'auto' ? { groups: duplicateGroups(split.train, scan) } : {}),
  };
}

async function correctedDataset(
  config: Config,
  onEvent: (event: TrainEvent) => void,
): Promise<Pick<Prepared, 'confirmed'> & { dataset: Dataset }> {
  const dataset = await readDataset(config.data, readOptions(config));
  if (config.corrections === '') return { dataset, confirmed: new Set() };
  const { changed, dropped, ...corrected } = await applyCorrections(dataset, config.data, config.corrections);
  const { size } = corrected.confirmed;
  const text = `Corrections: ${changed} labels changed, ${size - changed} confirmed, ${dropped} images left out.`;
  onEvent({ type: 'note', text });
  return corrected;
}

/** For each sample a number that those with the same or nearly the same image share. */
export function duplicateGroups(samples: readonly Sample[], scan: Scan): Int32Array {
  const names = samples.map(({ file }) => file);
  const facts = [...new Set(names)].map((file) => scan.images.get(file)!);
  return groupDuplicates(names, findDuplicates(facts));
}

function refuseOrSkip(config: Config, { bad }: Scan, onEvent: (event: TrainEvent) => void): void {
  const list = bad.map(({ file, reason }) => `  ${file}: ${reason}`).join('\n');
  const images = bad.length === 1 ? '1 image is' : `${bad.length} images are`;
  if (config.onBadImage === 'stop') {
    throw new ConfigError(
      `${images} missing or unreadable; mend or remove them, or leave them out with --on-bad-image skip:\n${list}`,
    );
  }
  onEvent({ type: 'note', text: `${images} missing or unreadable and left out:\n${list}` });
}

function setApart(config: Config, dataset: Dataset, scan: Scan, onEvent: (event: TrainEvent) => void): Dataset {
  const { valFraction, folds, fold, seed } = config;
  if (valFraction === 0 && folds === 0) return dataset;
  const { classes, train, val } = dataset;
  if (val.length > 0) {
    const text = `The ${val.length} validation images of the data are not used: validation is held out from training.`;
    onEvent({ type: 'note', text });
  }
  const labels = train.map(({ label }) => label);
  const groups = duplicateGroups(train, scan);
  const split =
    folds > 0 ? splitFold(labels, folds, fold, seed, groups) : splitFraction(labels, valFraction, seed, groups);
  const pick = (indices: Int32Array) => Array.from(indices, (i) => train[i]!);
  return { classes, train: pick(split.train), val: pick(split.val) };
}

function requireBoth({ train, val, classes }: Dataset): void {
  if (train.length === 0) throw new ConfigError('There are no readable images to train on');
  if (val.length === 0) {
    throw new ConfigError(
      'There are no validation images, and without them no checkpoint can be chosen: hold some out with ' +
        '--val-fraction 0.15 or --folds 5 --fold 0',
    );
  }
  if (classes.length < 2) {
    throw new ConfigError(`All images have the label ${classes[0]}; a classifier needs at least 2 classes`);
  }
}
