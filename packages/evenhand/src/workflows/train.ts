import type { Interval } from '../metrics/index.js';
import { RunFolder } from '../run/index.js';
import {
  changedSettings,
  computedOnce,
  configOfRun,
  isMain,
  type ResumeOptions,
  readOptions,
  resumeRun,
  type TrainOptions,
  type TrainResult,
  trainRun,
} from '../train/index.js';
import { evaluate } from './evaluate.js';
import { exportRuns } from './export-runs.js';

/** A training with its export. */
export interface TrainedRun extends TrainResult {
  /** Of a cross-validation whose data has validation images: Macro F1 of the model on them, which no training has seen. */
  readonly check?: Interval & { readonly images: number };
}

export interface WorkflowOptions extends TrainOptions {
  /**
   * Whether to continue the run if it is there, with `config` in which only what `changeOnResume` allows may differ: one
   * command for the first start and for every restart.
   */
  readonly resumeIfExists?: boolean;
}

/**
 * Trains a classifier and writes a run folder to `run`, with the best checkpoint exported to `model.onnx`. Of a cross-validation
 * that is the model that `combine` makes of all folds.
 *
 * @throws ConfigError, DataError, ExportError, ImageError, RunError, WeightsError, WeightsFileError or TrainingError, each
 * with one sentence for the user; files that were written before are kept
 */
export async function train({ resumeIfExists = false, ...options }: WorkflowOptions): Promise<TrainedRun> {
  const { group = null, run } = options;
  if (resumeIfExists && computedOnce(group, () => RunFolder.isRun(run))) return resume(resumeOf(options));
  return exportBest(await trainRun(options), options);
}

/**
 * Continues a run that was interrupted or killed. It ends with the same weights, bit for bit, as an uninterrupted run on
 * the same machine with the same number of threads. A finished run is left as it is.
 *
 * @throws as `train`; ConfigError if the data has changed
 */
export async function resume(options: ResumeOptions): Promise<TrainedRun> {
  return exportBest(await resumeRun(options), options);
}

/** Continues the run with the settings of `config` that differ from its own. */
function resumeOf({ config, ...options }: TrainOptions): ResumeOptions {
  const { group = null, run } = options;
  const changes = computedOnce(group, () => changedSettings(configOfRun(RunFolder.open(run)), config));
  return { ...options, changes };
}

async function exportBest(
  result: TrainResult,
  { onEvent, group = null }: Pick<TrainOptions, 'onEvent' | 'group'>,
): Promise<TrainedRun> {
  const { run, best, outOfFold, interrupted } = result;
  if (!isMain(group) || interrupted || (best === undefined && outOfFold === undefined)) return result;
  exportRuns({ runs: [run] });
  const folder = RunFolder.open(run);
  const images = folder.readEnvironment().dataset.val;
  if (outOfFold === undefined || images === 0) return result;
  const config = configOfRun(folder);
  const { device, threads, cache, data } = config;
  const { interval } = await evaluate({
    run,
    data,
    part: 'val',
    read: readOptions(config),
    device,
    threads,
    cache,
    ...(onEvent ? { onEvent } : {}),
  });
  return { ...result, check: { ...interval, images } };
}
