export type { AugmentOptions } from './augment/index.js';
export { applyCorrections, type Corrected, rootOf } from './corrections.js';
export { columnOf, imagePath, readCsv, type Table } from './csv.js';
export { type DuplicatePair, findDuplicates, groupDuplicates } from './duplicates.js';
export { DataError } from './errors.js';
export { FLOWERS102, type Flowers102Summary, writeFlowers102 } from './flowers102.js';
export { type Dataset, type ReadOptions, readDataset, type Sample } from './formats.js';
export { readLabelList, sortLabels } from './labels.js';
export { type Batch, Loader, type LoaderOptions, type PassOptions } from './loader.js';
export { checkDataset, type DatasetReport, type Duplicate, fingerprintOf, type Part, reportOf } from './report.js';
export { epochOrder, expectedCounts, type SamplerOptions, type SoftLabels, softEpochOrder } from './sampler.js';
export { type BadImage, type ImageFacts, type Scan, scanImages } from './scan.js';
export { type Split, splitFold, splitFraction } from './split.js';
export {
  type Unlabelled,
  type UnlabelledCsvOptions,
  type UnlabelledSource,
  unlabelledCsv,
  unlabelledFiles,
} from './unlabelled.js';
