import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { applyCorrections, DataError, readDataset, rootOf, type Scan } from '../data/index.js';
import type { ValidationPrediction } from '../run/index.js';
import { type Config, readOptions } from '../train/index.js';

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

/**
 * Returns the paths of the images that a run was trained on; null if its data cannot be read any more. Nothing is
 * decoded: it costs no more than listing folders or reading a CSV file.
 *
 * @param data where the run's data are now
 */
export async function trainingFiles(
  config: Config,
  predictions: readonly ValidationPrediction[],
  data: string,
): Promise<string[] | null> {
  try {
    let dataset = await readDataset(data, readOptions(config));
    if (config.corrections !== '') ({ dataset } = await applyCorrections(dataset, data, config.corrections));
    // What was held out of the training images has predictions, and is no validation image of the data itself.
    const validation = new Set(dataset.val.map(({ file }) => resolve(file)));
    const heldOut = new Set(pathsOfPredictions(predictions, data).filter((file) => !validation.has(file)));
    return dataset.train.map(({ file }) => resolve(file)).filter((file) => !heldOut.has(file));
  } catch (error) {
    if (error instanceof DataError) return null;
    throw error;
  }
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
