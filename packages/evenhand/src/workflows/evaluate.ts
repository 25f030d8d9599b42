import { existsSync } from 'node:fs';
import { loadStateDict, nn, openWeights } from '@evenhand/torch';
import {
  type BadImage,
  type Part,
  type ReadOptions,
  readDataset,
  requireCacheFolder,
  type Sample,
  type Scan,
  scanImages,
} from '../data/index.js';
import {
  argmax,
  type ClassificationReport,
  expectedCalibrationError,
  type Interval,
  topKAccuracy,
} from '../metrics/index.js';
import { describeValue } from '../printable.js';
import { predictionArrays, RunError, RunFolder, type ValidationPrediction } from '../run/index.js';
import type { TrainEvent } from '../train/index.js';
import {
  buildModel,
  type Config,
  ConfigError,
  chooseHalfType,
  configOfRun,
  evaluationLoader,
  hashesOf,
  modelOfRun,
  openEvaluationCache,
  predictLogits,
  prepareMachine,
  presetAt,
  reportProgress,
  scanCacheFolder,
  score,
} from '../train/index.js';
import { openSource } from './members.js';
import { countTrainingImages, pathsOfPredictions, trainingFiles } from './run-images.js';

export interface EvaluateOptions {
  /** The run folder; its best checkpoint is scored, of a cross-validation those of all folds. */
  readonly run: string;
  /** Labelled data, in any layout that training reads. Default: the validation images of the run. */
  readonly data?: string;
  readonly read?: ReadOptions;
  /** The part of `data` to score. Default: `val` if `data` has one, else `train`. */
  readonly part?: Part;
  /** Where the run's own data are now: the folder or CSV file. Default: where they were in training. */
  readonly runData?: string;
  readonly onEvent?: (event: TrainEvent) => void;
  readonly device?: string;
  readonly threads?: number;
  /** The cache of decoded images: `auto` (default), `off`, `memory` or a folder. */
  readonly cache?: string;
}

/** Scores of a run on labelled images. N images, K classes of the run. */
export interface Evaluation {
  readonly report: ClassificationReport;
  readonly classes: readonly string[];
  /** 95 % interval of Macro F1 over all classes. */
  readonly interval: Interval;
  readonly loss: number;
  /** Undefined if there are fewer than 5 classes. */
  readonly top5: number | undefined;
  /** Expected calibration error with 15 bins: Guo et al., arXiv 1706.04599. */
  readonly calibrationError: number;
  /**
   * How many of the N images the run was trained on, which makes its scores too high; null if that is unknown because
   * the run's data have moved, or for a model file.
   */
  readonly trainingImages: number | null;
  /** Where the run's own data were expected; empty for a model file. */
  readonly runData: string;
  /** Unreadable images, which are not scored. */
  readonly bad: readonly BadImage[];
  /** [N] paths, true classes and predicted classes. */
  readonly files: readonly string[];
  readonly truth: Int32Array;
  readonly predicted: Int32Array;
  /** [N,K] */
  readonly logits: Float32Array;
}

/**
 * Scores the best checkpoint of a run on its validation images, or on other labelled images. A cross-validation is scored by
 * the predictions of held-out images that its folds made, or on other images by the model that was made of all folds.
 *
 * @throws RunError if there is no run or no checkpoint yet, DataError if the data cannot be used, ConfigError if there
 * are no images to score or if they have labels that the run does not know
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { run, data, onEvent = () => {} } = options;
  const folder = RunFolder.open(run);
  const config: Config = {
    ...configOfRun(folder),
    ...(options.device === undefined ? {} : { device: options.device }),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    cache: options.cache ?? 'auto',
  };
  requireCacheFolder(config.cache);
  const { classes, path } = folder.readEnvironment().dataset;
  const runData = options.runData ?? path;
  const predictions = folder.readPredictions();
  const crossValidated = config.fold === 'all';
  if (crossValidated) requireAllFolds(folder, predictions);
  const labelled =
    data === undefined
      ? validationSamples(run, predictions, classes, runData)
      : await readSamples(data, classes, options);
  const scan = await scanImages(
    labelled.map(({ file }) => file),
    reportProgress('scan', onEvent),
    scanCacheFolder(config.cache),
  );
  const samples = labelled.filter(({ file }) => scan.images.has(file));
  if (samples.length === 0) {
    throw new ConfigError(`none of the ${labelled.length} images in ${data ?? runData} can be read`);
  }
  const files = samples.map(({ file }) => file);
  // Of a cross-validation every image was trained on, but not by the fold that predicted it.
  const isOutOfFold = crossValidated && data === undefined;
  const training = isOutOfFold ? [] : await trainingFiles(config, crossValidated ? [] : predictions, runData);
  const trainingImages = training && (await countTrainingImages(files, scan, training));
  const facts = { config, classes, samples, scan, onEvent };
  const logits = isOutOfFold
    ? storedLogits(predictions, classes, labelled, scan)
    : await meanLogits(crossValidated ? openSource(run).members.map((member) => member.folder) : [folder], facts);
  const truth = Int32Array.from(samples, ({ label }) => label);
  return {
    ...score(logits, truth, classes.length),
    classes,
    top5: classes.length >= 5 ? topKAccuracy(logits, truth, classes.length, 5) : undefined,
    calibrationError: expectedCalibrationError(logits, truth, classes.length),
    trainingImages,
    runData,
    bad: scan.bad,
    files,
    truth,
    predicted: argmax(logits, classes.length),
    logits,
  };
}

function requireAllFolds({ path }: RunFolder, predictions: readonly ValidationPrediction[]): void {
  if (predictions.length > 0) return;
  throw new RunError(
    `${path} is a cross-validation whose folds have not all ended: continue it with evenhand train --resume ${path}, or ` +
      `score one fold with evenhand eval ${path}/folds/0`,
  );
}

/** The held-out logits of a cross-validation, [N,K], of those images that can still be read. */
function storedLogits(
  predictions: readonly ValidationPrediction[],
  classes: readonly string[],
  samples: readonly Sample[],
  scan: Scan,
): Float32Array {
  const { logits } = predictionArrays(predictions, classes);
  const k = classes.length;
  const isRead = samples.map(({ file }) => scan.images.has(file));
  return Float32Array.from(logits.filter((_, i) => isRead[Math.floor(i / k)]));
}

interface Scored {
  readonly config: Config;
  readonly classes: readonly string[];
  readonly samples: readonly Sample[];
  readonly scan: Scan;
  readonly onEvent: (event: TrainEvent) => void;
}

/** The mean of the logits of the best checkpoints of runs, [N,K]. */
async function meanLogits(runs: readonly RunFolder[], facts: Scored): Promise<Float32Array> {
  let sum: Float32Array | undefined;
  for (const run of runs) {
    const logits = await logitsOf(run, facts);
    if (sum === undefined) sum = logits;
    else for (const [i, value] of logits.entries()) sum[i]! += value;
  }
  return sum!.map((value) => value / runs.length);
}

/** Logits of the best checkpoint of a run, [N,K]. */
async function logitsOf(folder: RunFolder, { config, classes, samples, scan, onEvent }: Scored): Promise<Float32Array> {
  const device = prepareMachine(config);
  const spec = modelOfRun(folder, config);
  const preset = presetAt(spec.preset, config.imageSize);
  const model = buildModel(spec, config, classes.length, device);
  const cache = openEvaluationCache(config, preset, samples, hashesOf(scan), onEvent);
  const loader = evaluationLoader(config, preset, samples, device, cache);
  try {
    if (!existsSync(folder.best)) {
      throw new RunError(
        `${folder.path} has no checkpoint to score, because no epoch has ended yet: continue the run first`,
      );
    }
    const weights = openWeights(folder.best);
    try {
      loadStateDict(model, weights);
    } finally {
      weights.close();
    }
    const report = reportProgress('validate', onEvent);
    const onBatch = (done: number): boolean => {
      report(done, samples.length);
      return true;
    };
    const half = chooseHalfType(config, device);
    return (await predictLogits(model, loader, preset, samples.length, classes.length, device, half, onBatch))!;
  } finally {
    nn.disposeModule(model);
    await loader.close();
  }
}

/** The validation images of the run. */
function validationSamples(
  run: string,
  predictions: readonly ValidationPrediction[],
  classes: readonly string[],
  runData: string,
): Sample[] {
  if (predictions.length === 0) {
    throw new ConfigError(
      `${run} has no validation images to score: give labelled images that it was not trained on, with ` +
        `evenhand eval ${run} DATA`,
    );
  }
  const files = pathsOfPredictions(predictions, runData);
  if (!files.some((file) => existsSync(file))) {
    throw new ConfigError(
      `The validation images of ${run} are not in ${runData} any more (for example ${files[0]}): say where the run's data ` +
        `are now with --data, or score other labelled images with evenhand eval ${run} DATA`,
    );
  }
  const { truth } = predictionArrays(predictions, classes);
  return files.map((file, i) => ({ file, label: truth[i]! }));
}

/** Labelled images of `data`, with the classes of a run or a model file. */
export async function readSamples(
  data: string,
  classes: readonly string[],
  options: Pick<EvaluateOptions, 'read' | 'part'>,
  whose = "the run's",
): Promise<Sample[]> {
  const dataset = await readDataset(data, options.read);
  const part = options.part ?? (dataset.val.length > 0 ? 'val' : 'train');
  if (dataset[part].length === 0) throw new ConfigError(`${data} has no ${part} images to evaluate on`);
  const indexOf = new Map(classes.map((name, index) => [name, index]));
  const indices = dataset.classes.map((name) => indexOf.get(name));
  return dataset[part].map(({ file, label }) => {
    const index = indices[label];
    if (index !== undefined) return { file, label: index };
    throw new ConfigError(
      `${file} has the label ${describeValue(dataset.classes[label])}, which is not one of ${whose} ` +
        `${classes.length} classes`,
    );
  });
}
