import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { meanAndDeviation } from '../metrics/index.js';
import type { RunState, RunSummary } from '../report/index.js';
import { type EpochMetrics, RunError, RunFolder, type RunProgress } from '../run/index.js';
import { idOf, shownPath } from './paths.js';
import type { PredictionCache } from './predictions.js';

/** A training on another machine is alive if its progress is not older: a model is exported for a while in silence. */
const SILENT_MS = 180_000;

/** A run that is read for the board: what cannot be read is left out and named in `problem`. */
export function summarizeRun(path: string, predictions: PredictionCache): RunSummary {
  const identity = { id: idOf(path), path: shownPath(path), name: basename(resolve(path)) };
  const problems: string[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const run = attempt(() => RunFolder.open(path));
  const config = attempt(() => run?.readConfig());
  if (run === undefined || config === undefined) {
    const nothing = { model: '', data: '', numClasses: 0, started: '', scoreOf: '', epochs: 0, seconds: 0 };
    return { ...identity, ...nothing, state: 'damaged', problem: problems[0]! };
  }
  // A run that was just started has no environment yet.
  const environment = existsSync(run.environment) ? attempt(() => run.readEnvironment()) : undefined;
  const folds = attempt(() => run.folds()) ?? [];
  const isCrossValidation = config.fold === 'all';
  const epochs = isCrossValidation
    ? folds.flatMap((fold) => attempt(() => fold.readEpochs()) ?? [])
    : (attempt(() => run.readEpochs()) ?? []);
  const progress = attempt(() => run.readProgress());
  const state = attempt(() => stateOf(run, progress)) ?? 'damaged';
  const problem = problems[0] ?? (state === 'failed' ? (progress?.reason ?? undefined) : undefined);
  return {
    ...identity,
    state,
    ...(problem === undefined ? {} : { problem }),
    model: typeof config.model === 'string' ? config.model : '',
    data: basename(resolve(String(config.data ?? environment?.dataset.path ?? ''))),
    numClasses: environment?.dataset.classes.length ?? 0,
    started: environment?.started ?? '',
    ...(isCrossValidation ? scoreOfFolds(run, folds, attempt, predictions) : scoreOfBest(epochs)),
    epochs: epochs.filter(({ averaged }) => averaged === undefined).length,
    seconds: epochs.reduce((sum, { seconds }) => sum + (Number.isFinite(seconds) ? seconds : 0), 0),
    ...(progress === undefined ? {} : { progress }),
    ...(isCrossValidation ? { folds: { begun: folds.length, planned: Number(config.folds) || folds.length } } : {}),
  };
}

/** The epoch whose weights were kept. */
export const bestOf = (epochs: readonly EpochMetrics[]): EpochMetrics | null =>
  epochs.findLast(({ best }) => best) ?? null;

function scoreOfBest(epochs: readonly EpochMetrics[]): Pick<RunSummary, 'score' | 'scoreOf' | 'accuracy'> {
  const best = bestOf(epochs);
  if (best === null) return { scoreOf: '' };
  const { macroF1, macroF1Low, macroF1High, accuracy } = best;
  return { score: { value: macroF1, low: macroF1Low, high: macroF1High }, accuracy, scoreOf: 'best epoch' };
}

/** Out of fold if all folds have ended, before that the mean of those that have an epoch. */
function scoreOfFolds(
  run: RunFolder,
  folds: readonly RunFolder[],
  attempt: <T>(read: () => T) => T | undefined,
  predictions: PredictionCache,
): Pick<RunSummary, 'score' | 'scoreOf' | 'accuracy'> {
  const scores = attempt(() => predictions.scoresOf(run));
  if (scores !== undefined) return { ...scores, scoreOf: 'out of fold' };
  const best = folds.map((fold) => bestOf(attempt(() => fold.readEpochs()) ?? [])).filter((epoch) => epoch !== null);
  if (best.length === 0) return { scoreOf: '' };
  const value = meanAndDeviation(best.map(({ macroF1 }) => macroF1)).mean;
  const scoreOf = best.length === 1 ? 'first fold' : `mean of ${best.length} folds`;
  return { score: { value, low: Number.NaN, high: Number.NaN }, scoreOf };
}

function stateOf(run: RunFolder, progress: RunProgress | undefined): RunState {
  const holder = run.holder();
  if (holder === 'here') return 'training';
  if (progress === undefined) return existsSync(run.model) ? 'finished' : 'unknown';
  if (progress.state !== 'training') {
    return ['finished', 'stopped', 'failed'].includes(progress.state) ? progress.state : 'unknown';
  }
  const isRecent = Date.now() - Date.parse(progress.updated) < SILENT_MS;
  return holder === 'elsewhere' && isRecent ? 'training' : 'interrupted';
}
