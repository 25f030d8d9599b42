import type { Interval } from '../../metrics/index.js';
import type { Environment, EpochMetrics, RunProgress } from '../../run/index.js';

/** `interrupted`: its process ended without saying how. `unknown`: of a run that keeps no progress.json. */
export type RunState = 'training' | 'finished' | 'stopped' | 'failed' | 'interrupted' | 'unknown' | 'damaged';

/** What the list shows of a run. */
export interface RunSummary {
  /** Names the run in addresses. */
  readonly id: string;
  /** The folder as it is shown, and its last part. */
  readonly path: string;
  readonly name: string;
  readonly state: RunState;
  /** A sentence: why it failed or cannot be read. */
  readonly problem?: string;
  readonly model: string;
  /** The name of the data. */
  readonly data: string;
  readonly numClasses: number;
  /** ISO 8601; empty if unknown. */
  readonly started: string;
  /** The score with its interval that is shown for the run, and what it is of. */
  readonly score?: Interval;
  readonly scoreOf: string;
  readonly accuracy?: number;
  /** Epochs that have ended, without means of weights. */
  readonly epochs: number;
  /** The duration of all epochs. */
  readonly seconds: number;
  readonly progress?: RunProgress;
  /** Of a cross-validation: the folds that have begun, of those planned. */
  readonly folds?: { readonly begun: number; readonly planned: number };
}

/** What the page of a run shows. */
export interface RunFacts {
  readonly summary: RunSummary;
  readonly epochs: readonly EpochMetrics[];
  readonly best: EpochMetrics | null;
  readonly settings: readonly [name: string, value: string][];
  readonly environment: Environment | null;
  /** Runs of its folds, and the one model trained on all images after them. */
  readonly parts: readonly RunSummary[];
  /** Epochs of each fold, by fold. */
  readonly foldEpochs: readonly (readonly EpochMetrics[])[];
  /** The run that it is a fold of. */
  readonly parent?: RunSummary;
  readonly log: readonly string[];
}

/** An audit that was found. */
export interface AuditEntry {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  /** ISO 8601 */
  readonly written: string;
  readonly likelyErrors: number;
  readonly verdicts: number;
}

export interface ComparedRun {
  readonly summary: RunSummary;
  readonly epochs: readonly EpochMetrics[];
  /** Validation images that it has, those of the first run. */
  readonly images?: number;
  /** Macro F1 over all classes on these images; undefined if it cannot be compared. */
  readonly score?: Interval;
  readonly accuracy?: number;
  /** Macro F1 minus that of the first run, on the same images. */
  readonly difference?: Interval;
  /** Why it cannot be compared, a sentence. */
  readonly reason?: string;
}

/** A validation image that only one of two runs predicts right. */
export interface ChangedImage {
  /** Its number in the predictions of the first run, for its address. */
  readonly index: number;
  readonly file: string;
  readonly label: string;
  readonly first: string;
  readonly second: string;
}

export interface ChangedClass {
  readonly name: string;
  readonly support: number;
  readonly first: number;
  readonly second: number;
  /** Images of the class that only one of the runs predicts right. */
  readonly images: readonly ChangedImage[];
}

export interface Comparison {
  /** The first is the one that the others are compared with. */
  readonly runs: readonly ComparedRun[];
  /** Settings that differ: by run, in their order. */
  readonly settings: readonly { readonly name: string; readonly values: readonly string[] }[];
  /** Classes whose F1 differs most between the first run and `second`, the greatest gains first. */
  readonly classes?: {
    readonly second: RunSummary;
    readonly better: readonly ChangedClass[];
    readonly worse: readonly ChangedClass[];
    readonly numBetter: number;
    readonly numWorse: number;
  };
}
