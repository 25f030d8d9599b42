import { existsSync } from 'node:fs';
import { loadStateDict, nn, openWeights } from '@evenhand/torch';
import { type BadImage, type Part, type ReadOptions, readDataset, scanImages } from '../data/index.js';
import {
  argmax,
  type ClassificationReport,
  expectedCalibrationError,
  type Interval,
  topKAccuracy,
} from '../metrics/index.js';
import { RunError, RunFolder } from '../run/index.js';
import type { TrainEvent } from '../train/index.js';
import {
  buildModel,
  type Config,
  ConfigError,
  chooseDevice,
  chooseThreads,
  configOfRun,
  evaluationLoader,
  predictLogits,
  presetAt,
  score,
} from '../train/index.js';

export interface EvaluateOptions {
  /** The run folder, whose best checkpoint is scored. */
  readonly run: string;
  /** Labelled data, in any layout that training takes. */
  readonly data: string;
  readonly read?: ReadOptions;
  /** Which part of the data; `val` where it has one, else `train`. */
  readonly part?: Part;
  readonly onEvent?: (event: TrainEvent) => void;
  readonly device?: string;
  readonly threads?: number;
}

/** A run's scores on labelled data. N images, K classes of the run. */
export interface Evaluation {
  readonly report: ClassificationReport;
  readonly classes: readonly string[];
  /** Of Macro F1 over all classes. */
  readonly interval: Interval;
  readonly loss: number;
  /** Undefined where there are fewer than 5 classes. */
  readonly top5: number | undefined;
  /** Expected calibration error over 15 bins: Guo et al., arXiv 1706.04599. */
  readonly calibrationError: number;
  /** Unreadable images, which are not scored. */
  readonly bad: readonly BadImage[];
  /** [N] paths, and the classes as given and as predicted. */
  readonly files: readonly string[];
  readonly truth: Int32Array;
  readonly predicted: Int32Array;
  /** [N,K] */
  readonly logits: Float32Array;
}

/**
 * Scores the best checkpoint of a run on labelled data.
 *
 * @throws RunError where there is no run or no checkpoint yet, DataError where the data cannot be used, ConfigError
 * where it has labels that the run does not know
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { run, data, onEvent = () => {} } = options;
  const folder = RunFolder.open(run);
  const config: Config = {
    ...configOfRun(folder),
    ...(options.device === undefined ? {} : { device: options.device }),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  };
  const { classes } = folder.readEnvironment().dataset;
  const dataset = await readDataset(data, options.read);
  const part = options.part ?? (dataset.val.length > 0 ? 'val' : 'train');
  const labelled = dataset[part].map(({ file, label }) => ({ file, label: classes.indexOf(dataset.classes[label]!) }));
  if (labelled.length === 0) throw new ConfigError(`${data} has no ${part} images to evaluate on`);
  const unknown = labelled.findIndex(({ label }) => label < 0);
  if (unknown >= 0) {
    const { file, label } = dataset[part][unknown]!;
    throw new ConfigError(
      `${file} has the label ${dataset.classes[label]}, which is not one of the run's ${classes.length} classes`,
    );
  }
  const scan = await scanImages(labelled.map(({ file }) => file));
  const samples = labelled.filter(({ file }) => scan.images.has(file));
  if (samples.length === 0) throw new ConfigError(`none of the ${labelled.length} images in ${data} can be read`);

  const device = chooseDevice(config.device);
  chooseThreads(config.threads);
  const model = buildModel(config, classes.length, device);
  const loader = evaluationLoader(config, samples);
  try {
    if (!existsSync(folder.best)) {
      throw new RunError(`${run} has no checkpoint to score, because no epoch of it has ended: go on with it first`);
    }
    const weights = openWeights(folder.best);
    loadStateDict(model, weights);
    weights.close();
    const begin = performance.now();
    const logits = await predictLogits(
      model,
      loader,
      presetAt(config),
      samples.length,
      classes.length,
      device,
      (done) => {
        onEvent({
          type: 'progress',
          stage: 'validate',
          epoch: 0,
          epochs: 0,
          done,
          total: samples.length,
          imagesPerSecond: (done * 1000) / (performance.now() - begin),
        });
        return true;
      },
    );
    const truth = Int32Array.from(samples, ({ label }) => label);
    return {
      ...score(logits!, truth, classes.length, config.seed),
      classes,
      top5: classes.length >= 5 ? topKAccuracy(logits!, truth, classes.length, 5) : undefined,
      calibrationError: expectedCalibrationError(logits!, truth, classes.length),
      bad: scan.bad,
      files: samples.map(({ file }) => file),
      truth,
      predicted: argmax(logits!, classes.length),
      logits: logits!,
    };
  } finally {
    nn.disposeModule(model);
    await loader.close();
  }
}
