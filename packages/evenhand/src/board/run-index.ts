import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunSummary } from '../report/index.js';
import { type FoundRun, RunFinder } from './find-runs.js';
import { idOf } from './paths.js';
import { PredictionCache } from './predictions.js';
import { summarizeRun } from './summarize-run.js';

/** Files on which a summary depends; a lock is a name in the folder. */
const WATCHED = [
  'config.json',
  'environment.json',
  'metrics.jsonl',
  'progress.json',
  'predictions.jsonl',
  'model.onnx',
  'folds',
];

/** Runs that are looked at together; in between other requests are answered. */
const AT_ONCE = 32;

/** For this long a look at the folders is not repeated. */
const FRESH_MS = 700;

interface Kept {
  readonly version: string;
  readonly summary: RunSummary;
}

/** The runs below some folders. What did not change since it was last read is not read again. */
export class RunIndex {
  readonly predictions = new PredictionCache();
  readonly #finder = new RunFinder();
  readonly #kept = new Map<string, Kept>();
  /** Folders of runs, their folds included, by their names in addresses. */
  readonly #paths = new Map<string, string>();
  #latest: Promise<RunSummary[]> = Promise.resolve([]);
  #looked = Number.NEGATIVE_INFINITY;

  constructor(private readonly roots: readonly string[]) {}

  /** All runs, those that began last first. */
  list(): Promise<RunSummary[]> {
    const now = performance.now();
    if (now - this.#looked > FRESH_MS) {
      this.#looked = Number.POSITIVE_INFINITY;
      this.#latest = this.#look().finally(() => {
        this.#looked = performance.now();
      });
    }
    return this.#latest;
  }

  /** The folder of a run; undefined if there is no such run. */
  async pathOf(id: string): Promise<string | undefined> {
    if (!this.#paths.has(id)) await this.list();
    return this.#paths.get(id);
  }

  /** A run, or a part of a run, that was found. */
  async summary(path: string): Promise<RunSummary> {
    this.#paths.set(idOf(path), path);
    return this.#summarize({ path, names: [] });
  }

  async #look(): Promise<RunSummary[]> {
    const found = await this.#finder.find(this.roots);
    const here = new Set(found.map(({ path }) => path));
    for (const path of this.#kept.keys()) if (!here.has(path)) this.#kept.delete(path);
    const summaries: RunSummary[] = [];
    for (let start = 0; start < found.length; start += AT_ONCE) {
      const some = found.slice(start, start + AT_ONCE);
      summaries.push(...(await Promise.all(some.map((run) => this.#summarize(run)))));
    }
    for (const [i, { path }] of found.entries()) {
      this.#paths.set(summaries[i]!.id, path);
      // The folds and the final model of a cross-validation have pages of their own.
      for (const part of partPaths(path, summaries[i]!)) this.#paths.set(idOf(part), part);
    }
    return summaries.sort((a, b) => (a.started === b.started ? 0 : a.started < b.started ? 1 : -1));
  }

  async #summarize({ path, names }: FoundRun): Promise<RunSummary> {
    const isLocked = names.some((name) => name.endsWith('.lock'));
    const version = await versionOf(path);
    const kept = this.#kept.get(path);
    // Whether a process is alive, and how old its last word is, no file says.
    const mayChangeByItself = isLocked || names.length === 0 || kept?.summary.state === 'training';
    if (kept !== undefined && kept.version === version && !mayChangeByItself) return kept.summary;
    const summary = summarizeRun(path, this.predictions);
    this.#kept.set(path, { version, summary });
    return summary;
  }
}

/** The folds of a cross-validation that have begun, and the run of its final model. */
export function partPaths(path: string, { folds }: RunSummary): string[] {
  if (folds === undefined) return [];
  const numbers = Array.from({ length: Math.max(folds.planned, folds.begun) }, (_, k) =>
    join(path, 'folds', String(k)),
  );
  return [...numbers, join(path, 'final')];
}

async function versionOf(path: string): Promise<string> {
  const parts = await Promise.all(
    WATCHED.map((name) =>
      stat(join(path, name)).then(
        ({ mtimeMs, size }) => `${mtimeMs} ${size}`,
        () => '',
      ),
    ),
  );
  return parts.join();
}
