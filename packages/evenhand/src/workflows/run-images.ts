import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { applyCorrections, DataError, readDataset, rootOf, type Scan } from '../data/index.js';
import { RunFolder, type ValidationPrediction } from '../run/index.js';
import { type Config, configOfRun, readOptions } from '../train/index.js';

/** Training files that are read at the same time. */
const AT_ONCE = 8;

/**
 * Returns the paths of the images in predictions.jsonl.
 *
 * @param data where the run's data are now: a folder or a CSV file
 */
export function pathsOfPredictions(predictions: readonly ValidationPrediction[], data: string): string[] {
  const root = rootOf(data);
  return predictions.map(({ file }) => {
    const path = resolve(root, file);
    // Runs of version 0.1 on a CSV file named images relative to that file instead of its folder.
    const pathOfOldRun = resolve(root, withoutParent(file));
    return existsSync(path) || !existsSync(pathOfOldRun) ? path : pathOfOldRun;
  });
}

const withoutParent = (file: string): string => file.replace(/^\.\.[\\/]/, '');

/** An image that a run was trained on. */
export interface TrainingImage {
  readonly file: string;
  readonly label: string;
}

/**
 * Returns the images that a run was trained on, with their labels in the data; null if its data cannot be read any more.
 * Nothing is decoded: it costs no more than listing folders or reading a CSV file.
 *
 * @param data where the run's data are now
 */
export async function trainingImages(
  config: Config,
  predictions: readonly ValidationPrediction[],
  data: string,
): Promise<TrainingImage[] | null> {
  try {
    let dataset = await readDataset(data, readOptions(config));
    if (config.corrections !== '') ({ dataset } = await applyCorrections(dataset, data, config.corrections));
    // What was held out of the training images has predictions, and is no validation image of the data itself.
    const validation = new Set(dataset.val.map(({ file }) => resolve(file)));
    const heldOut = new Set(pathsOfPredictions(predictions, data).filter((file) => !validation.has(file)));
    return dataset.train
      .map(({ file, label }) => ({ file: resolve(file), label: dataset.classes[label]! }))
      .filter(({ file }) => !heldOut.has(file));
  } catch (error) {
    if (error instanceof DataError) return null;
    throw error;
  }
}

/**
 * Returns the images that the run in a folder was trained on; see `trainingImages`.
 *
 * @param data where its data are now, if they have moved
 * @throws RunError or ConfigError if the folder is damaged
 */
export async function trainingImagesOfRun(path: string, data?: string): Promise<TrainingImage[] | null> {
  const run = RunFolder.open(path);
  const config = configOfRun(run);
  const predictions = config.fold === 'all' ? [] : run.readPredictions();
  return trainingImages(config, predictions, data ?? run.readEnvironment().dataset.path);
}

/** The paths of the images that a run was trained on; see `trainingImages`. */
export async function trainingFiles(
  config: Config,
  predictions: readonly ValidationPrediction[],
  data: string,
): Promise<string[] | null> {
  return (await trainingImages(config, predictions, data))?.map(({ file }) => file) ?? null;
}

/**
 * Counts how many of `files` are training images, by path or by content. Only training files of the same size as one of
 * the others are read.
 *
 * @param scan of `files`
 */
export async function countTrainingImages(
  files: readonly string[],
  scan: Scan,
  training: readonly string[],
): Promise<number> {
  const trainingPaths = new Set(training);
  const others = files.filter((file) => !trainingPaths.has(resolve(file)));
  const sizes = new Set(others.map((file) => scan.images.get(file)!.bytes));
  const scored = new Set(files.map((file) => resolve(file)));
  const toCompare = [...trainingPaths].filter((file) => !scored.has(file));
  const hashes = new Set<string>();
  const compareNext = async (): Promise<void> => {
    for (let file = toCompare.pop(); file !== undefined; file = toCompare.pop()) {
      const stats = await stat(file).catch(() => undefined);
      if (!stats?.isFile() || !sizes.has(stats.size)) continue;
      const bytes = await readFile(file).catch(() => undefined);
      if (bytes !== undefined) hashes.add(createHash('sha256').update(bytes).digest('hex'));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, compareNext));
  const isCopy = (file: string): boolean => hashes.has(scan.images.get(file)!.sha256);
  return files.length - others.length + others.filter(isCopy).length;
}
