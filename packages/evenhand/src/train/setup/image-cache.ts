import { join } from 'node:path';
import type { Preset } from '@evenhand/predict';
import { openCache, type RecordCache, type Sample, squashSize } from '../../data/index.js';
import { cacheFolder } from '../../models/index.js';
import type { Config } from '../config/fields.js';
import type { TrainEvent } from '../events.js';
import type { Prepared } from './prepare.js';

/** The folder of the setting `auto`. */
export const imageCacheFolder = (): string => join(cacheFolder(), 'images');

/** Where scans keep what they found in images, for a setting; undefined if nothing is to be written. */
export function scanCacheFolder(setting = 'auto'): string | undefined {
  if (setting === 'off' || setting === 'memory') return undefined;
  return join(setting === 'auto' ? cacheFolder() : setting, 'scans');
}

/**
 * The size to which training images are decoded: one for all image sizes of a run. `EVENHAND_SQUASH` replaces it, only so
 * that bench/records.ts can measure what it costs.
 */
export const squashSizeOf = ({ cropScale }: Config, { crop }: Preset): number =>
  Number(process.env.EVENHAND_SQUASH) || squashSize(crop, cropScale);

/**
 * The cache of what a training loads, or all folds of a cross-validation with one image in both parts; undefined for none.
 *
 * @throws DataError if there is too little memory for it
 */
export function openTrainingCache(
  config: Config,
  preset: Preset,
  { train, val, hashes }: Pick<Prepared, 'train' | 'val' | 'hashes'>,
  onEvent: (event: TrainEvent) => void,
): RecordCache | undefined {
  const { cache: setting, headEpochs, epochs, labelNoise } = config;
  const judged = labelNoise === 'auto' ? 1 : 0;
  const headPhase = headEpochs > 0 ? 1 : 0;
  const evaluation = { type: 'eval', preset } as const;
  return openCache({
    setting,
    folder: imageCacheFolder(),
    uses: [
      {
        kind: { type: 'train', squash: squashSizeOf(config, preset) },
        files: filesOf(train),
        // The first epoch of the head takes no augmented images.
        reads: Math.max(headEpochs - 1, 0) + epochs,
      },
      ...(train === val ? [] : [{ kind: evaluation, files: filesOf(train), reads: headPhase + judged }]),
      { kind: evaluation, files: filesOf(val), reads: headPhase + judged + epochs },
    ],
    hashOf: (file) => hashes.get(file),
    onNote: (text) => onEvent({ type: 'note', text }),
  });
}

/** The cache of images that are evaluated once: records that are there are used, and with a folder as setting, written. */
export function openEvaluationCache(
  { cache: setting }: Config,
  preset: Preset,
  samples: readonly Sample[],
  hashes: ReadonlyMap<string, string>,
  onEvent: (event: TrainEvent) => void,
): RecordCache | undefined {
  return openCache({
    setting,
    folder: imageCacheFolder(),
    uses: [{ kind: { type: 'eval', preset }, files: filesOf(samples), reads: 1 }],
    hashOf: (file) => hashes.get(file),
    onNote: (text) => onEvent({ type: 'note', text }),
  });
}

const filesOf = (samples: readonly Sample[]): string[] => samples.map(({ file }) => file);
