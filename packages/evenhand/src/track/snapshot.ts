import { createHash } from 'node:crypto';
import { basename, resolve } from 'node:path';
import { argmax, classificationReport, confusionMatrix } from '../metrics/index.js';
import { type EpochMetrics, predictionArrays, RunFolder } from '../run/index.js';
import type { Confusion } from './confusion-image.js';
import type { HyperParameter } from './events.js';

/** The scalars of an epoch, by names such as `score/macroF1`. */
export interface Point {
  /** Counted from 1 over all phases. */
  readonly step: number;
  /** Seconds since 1970. */
  readonly time: number;
  readonly scalars: ReadonlyMap<string, number>;
}

export type Status = 'running' | 'finished' | 'stopped' | 'failed';

/** What a run folder holds at a moment. */
export interface Snapshot {
  /** Differs between runs, and stays when the folder is moved or the run is resumed. */
  readonly id: string;
  readonly path: string;
  readonly name: string;
  /** That of the cross-validation of which it is a part. */
  readonly parent?: string;
  readonly status: Status;
  /** Seconds since 1970. */
  readonly started: number;
  /** The configuration. */
  readonly parameters: Readonly<Record<string, HyperParameter>>;
  /** The number of epochs that have ended. */
  readonly epochs: number;
  /** One for each epoch; of a cross-validation that has ended, one with the out-of-fold scores. */
  readonly points: readonly Point[];
  /** The step of the epoch whose predictions the run has; undefined if it has none. */
  readonly predictionStep: number | undefined;
  /** Reads those predictions. */
  readConfusion(): Confusion;
}

/**
 * Reads a run: one snapshot, or of a cross-validation one of the whole, of each fold, and of the one network that was made of
 * them.
 *
 * @throws RunError if there is no run or one of its files is damaged
 */
export function readSnapshots(path: string): Snapshot[] {
  const run = RunFolder.open(path);
  const name = basename(resolve(path));
  const folds = run.folds();
  const status = statusOf(run);
  const whole = snapshotOf(run, name, status, folds.length > 0);
  const parts: [RunFolder, string][] = folds.map((fold) => [fold, `${name}/folds/${basename(fold.path)}`]);
  if (RunFolder.isRun(run.final)) parts.push([RunFolder.open(run.final), `${name}/final`]);
  return [
    whole,
    ...parts.map(([part, partName], i) => {
      // One after another: all but the last have ended.
      const partStatus = i + 1 < parts.length ? 'finished' : status;
      return { ...snapshotOf(part, partName, partStatus, false), parent: whole.id };
    }),
  ];
}

/** A run that was trained without the command line does not say how it ended. */
function statusOf(run: RunFolder): Status {
  if (run.holder() !== undefined) return 'running';
  const state = run.readProgress()?.state ?? 'finished';
  return state === 'training' ? 'stopped' : state;
}

function snapshotOf(run: RunFolder, name: string, status: Status, isCrossValidated: boolean): Snapshot {
  const environment = run.readEnvironment();
  const epochs = run.readEpochs();
  const started = Date.parse(environment.started) / 1000;
  let time = started;
  const points = epochs.map((epoch, i) => {
    time += epoch.seconds;
    return { step: i + 1, time, scalars: scalarsOf(epoch) };
  });
  const readConfusion = (): Confusion => {
    const { classes } = environment.dataset;
    const { truth, logits } = predictionArrays(run.readPredictions(), classes);
    return { classes, truth, predicted: argmax(logits, classes.length) };
  };
  const best = epochs.findLastIndex((epoch) => epoch.best && epoch.numPresent > 0) + 1;
  // Out-of-fold predictions are there when the whole has ended.
  const hasOutOfFold = isCrossValidated && status === 'finished';
  return {
    id: createHash('sha256').update(JSON.stringify(environment)).digest('hex').slice(0, 32),
    path: run.path,
    name,
    status,
    started,
    parameters: parametersOf(run.readConfig()),
    epochs: epochs.length,
    points: hasOutOfFold ? [{ step: 1, time: started, scalars: outOfFoldScalars(readConfusion()) }] : points,
    predictionStep: hasOutOfFold ? 1 : best > 0 ? best : undefined,
    readConfusion,
  };
}

function scalarsOf(epoch: EpochMetrics): Map<string, number> {
  const scalars = {
    'score/macroF1': epoch.macroF1,
    'score/macroF1Low': epoch.macroF1Low,
    'score/macroF1High': epoch.macroF1High,
    'score/macroF1Present': epoch.macroF1Present,
    'score/macroF1Posterior': epoch.macroF1Posterior,
    'score/accuracy': epoch.accuracy,
    'score/balancedAccuracy': epoch.balancedAccuracy,
    'loss/train': epoch.trainLoss,
    'loss/validation': epoch.valLoss,
    'rate/backbone': epoch.backboneRate,
    'rate/head': epoch.headRate,
    'epoch/imageSize': epoch.size,
    'epoch/seconds': epoch.seconds,
    'epoch/imagesPerSecond': epoch.imagesPerSecond,
    'memory/peakMB': epoch.peakMemoryMB,
    'memory/peakGpuMB': epoch.peakGpuMemoryMB,
  };
  // Without validation images, scores are NaN.
  return new Map(Object.entries(scalars).filter((entry): entry is [string, number] => Number.isFinite(entry[1])));
}

function outOfFoldScalars({ classes, truth, predicted }: Confusion): Map<string, number> {
  const matrix = confusionMatrix(Int32Array.from(truth), Int32Array.from(predicted), classes.length);
  const { macroF1, macroF1Present, accuracy, balancedAccuracy } = classificationReport(matrix);
  return new Map(
    Object.entries({ macroF1, macroF1Present, accuracy, balancedAccuracy }).map(([name, value]) => [
      `score/${name}`,
      value,
    ]),
  );
}

const parametersOf = (config: Readonly<Record<string, unknown>>): Record<string, HyperParameter> =>
  Object.fromEntries(
    Object.entries(config).map(([name, value]) => [
      name,
      typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean'
        ? value
        : JSON.stringify(value),
    ]),
  );
