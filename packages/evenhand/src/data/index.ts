export type { AugmentOptions } from './augment/index.js';
export { FLOWERS102, type Flowers102Summary, writeFlowers102 } from './datasets/flowers102.js';
export { DataError } from './errors.js';
export { fingerprintOf, splitFingerprintOf } from './inspect/data-fingerprint.js';
export { type DuplicatePair, type Duplicates, findDuplicates, groupDuplicates } from './inspect/duplicates.js';
export {
  type CheckStage,
  checkDataset,
  type DatasetReport,
  type Duplicate,
  type Part,
  reportOf,
} from './inspect/report.js';
export { type BadImage, type ImageFacts, type Scan, scanImages } from './inspect/scan.js';
export { clearScanCache } from './inspect/scan-cache.js';
export { type Batch, Loader, type LoaderOptions, type PassOptions } from './load/loader.js';
export { positionsOf } from './load/loader-protocol.js';
export { applyCorrections, type Corrected } from './read/corrections.js';
export { columnOf, imagePath, readCsv, type Table } from './read/csv.js';
export { explainMissing, MISSING_FILE } from './read/find-images.js';
export { type Dataset, type ReadOptions, readDataset, type Sample } from './read/formats.js';
export { readLabelList, sortLabels } from './read/labels.js';
export { pathsRelativeTo, rootOf } from './read/paths.js';
export {
  type Unlabelled,
  type UnlabelledCsvOptions,
  type UnlabelledSource,
  unlabelledCsv,
  unlabelledFiles,
} from './read/unlabelled.js';
export {
  type CachedKind,
  type CacheUse,
  clearCache,
  formatBytes,
  listCache,
  openCache,
  type RecordCache,
  requireCacheFolder,
  squashSize,
} from './records/index.js';
export { epochOrder, expectedCounts, type SamplerOptions, type SoftLabels, softEpochOrder } from './sample/sampler.js';
export { type Split, splitFold, splitFraction } from './split/split.js';
