import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { RunFacts, RunSummary } from '../report/index.js';
import { type Environment, type EpochMetrics, RunError, RunFolder } from '../run/index.js';
import { settingText } from './compare-runs.js';
import { isRunFolder } from './find-runs.js';
import { readLogEnd } from './follow-log.js';
import { partPaths, type RunIndex } from './run-index.js';
import { bestOf } from './summarize-run.js';

/** What the page of a run shows; what is damaged is left out, and named in the summary. */
export async function factsOfRun(path: string, index: RunIndex): Promise<RunFacts> {
  const summary = await index.summary(path);
  const parts = await partsOf(path, summary, index);
  const epochs = epochsOf(path);
  const parent = await parentOf(path, index);
  return {
    summary,
    epochs,
    best: bestOf(epochs),
    settings: orNothing(() => Object.entries(RunFolder.open(path).readConfig())).map(
      ([name, value]) => [name, settingText(value)] as const,
    ),
    environment: environmentOf(path),
    parts,
    foldEpochs: summary.folds === undefined ? [] : foldPaths(path, summary).map(epochsOf),
    ...(parent === undefined ? {} : { parent }),
    log: await readLogEnd(RunFolder.logOf(path)),
  };
}

const foldPaths = (path: string, summary: RunSummary): string[] =>
  partPaths(path, summary).filter((part) => basename(dirname(part)) === 'folds' && isRun(part));

const isRun = (path: string): boolean => {
  try {
    return isRunFolder(readdirSync(path));
  } catch {
    return false;
  }
};

const partsOf = (path: string, summary: RunSummary, index: RunIndex): Promise<RunSummary[]> =>
  Promise.all(
    partPaths(path, summary)
      .filter(isRun)
      .map((part) => index.summary(part)),
  );

/** The cross-validation that a run is a fold of. */
async function parentOf(path: string, index: RunIndex): Promise<RunSummary | undefined> {
  const folder = dirname(path);
  const parent = basename(folder) === 'folds' ? dirname(folder) : basename(path) === 'final' ? folder : undefined;
  return parent !== undefined && isRun(parent) ? index.summary(parent) : undefined;
}

/** Empty if they cannot be read. */
export const epochsOf = (path: string): EpochMetrics[] => orNothing(() => RunFolder.open(path).readEpochs());

function orNothing<T>(read: () => T[]): T[] {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    return [];
  }
}

/** Null if there is none or it cannot be read. */
function environmentOf(path: string): Environment | null {
  const read = (): Environment[] => {
    const run = RunFolder.open(path);
    return existsSync(run.environment) ? [run.readEnvironment()] : [];
  };
  return orNothing(read)[0] ?? null;
}
