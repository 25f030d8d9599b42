import { statSync } from 'node:fs';
import { argmax, classificationReport, confusionMatrix, type Interval, macroF1Interval } from '../metrics/index.js';
import { RunError, type RunFolder } from '../run/index.js';

/** What a run predicts for its validation images. */
export interface Predictions {
  readonly classes: readonly string[];
  /** [N] paths relative to the data. */
  readonly files: readonly string[];
  /** [N] class indices. */
  readonly truth: Int32Array;
  readonly predicted: Int32Array;
}

/** Runs whose predictions are kept. */
const MAX_KEPT = 64;

/** Reads predictions once for as long as their file does not change. Logits, which are large, are not kept. */
export class PredictionCache {
  readonly #kept = new Map<string, { readonly version: string; readonly predictions: Predictions }>();
  readonly #scores = new Map<string, { readonly version: string; readonly scores: Scores | undefined }>();

  /**
   * Undefined if the run has no predictions yet.
   *
   * @throws RunError if they are damaged
   */
  read(run: RunFolder): Predictions | undefined {
    const version = versionOf(run);
    if (version === undefined) return undefined;
    const kept = this.#kept.get(run.path);
    if (kept?.version === version) return kept.predictions;
    const predictions = readPredictions(run);
    this.#kept.delete(run.path);
    this.#kept.set(run.path, { version, predictions });
    if (this.#kept.size > MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    return predictions;
  }

  /** Macro F1 over all classes with its interval, and accuracy. Undefined if the run has no predictions yet. */
  scoresOf(run: RunFolder): Scores | undefined {
    const version = versionOf(run);
    if (version === undefined) return undefined;
    const kept = this.#scores.get(run.path);
    if (kept?.version === version) return kept.scores;
    const predictions = this.read(run);
    const scores = predictions === undefined || predictions.files.length === 0 ? undefined : scoresOf(predictions);
    this.#scores.set(run.path, { version, scores });
    return scores;
  }
}

/** Differs between contents of the file of predictions; undefined if there is none. */
function versionOf(run: RunFolder): string | undefined {
  const stats = statSync(run.predictions, { throwIfNoEntry: false });
  return stats && `${stats.mtimeMs} ${stats.size}`;
}

export interface Scores {
  readonly score: Interval;
  readonly accuracy: number;
}

export function scoresOf({ classes, truth, predicted }: Predictions): Scores {
  return {
    score: macroF1Interval(truth, predicted, classes.length, { average: 'all' }),
    accuracy: classificationReport(confusionMatrix(truth, predicted, classes.length)).accuracy,
  };
}

/** Without predictions that cannot be scored: an unknown label, or logits that are not finite. */
function readPredictions(run: RunFolder): Predictions {
  const { classes } = run.readEnvironment().dataset;
  if (classes.length === 0) throw new RunError(`${run.path}: has no classes`);
  const indices = new Map(classes.map((name, k) => [name, k]));
  const files: string[] = [];
  const truth: number[] = [];
  const predicted: number[] = [];
  for (const { file, label, logits } of run.readPredictions()) {
    const index = indices.get(label);
    if (index === undefined || logits.length !== classes.length) continue;
    if (!Number.isFinite(logits.reduce((a, b) => Math.max(a, b)))) continue;
    files.push(file);
    truth.push(index);
    predicted.push(argmax(Float64Array.from(logits), classes.length)[0]!);
  }
  return { classes, files, truth: Int32Array.from(truth), predicted: Int32Array.from(predicted) };
}
