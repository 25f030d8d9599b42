import { accessSync, appendFileSync, constants, existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { printable } from '../printable.js';
import { writeFileAtomic } from '../write-file-atomic.js';
import { guarded, RunError } from './errors.js';
import { findHolder, isHeld, isLock, lockFolder, refuseIfHeld } from './lock.js';
import {
  checkConfig,
  checkEnvironment,
  checkProgress,
  parseEpoch,
  parseJudgedLabel,
  parsePrediction,
} from './parse.js';
import { readJsonLines, readJsonObject } from './read-file.js';
import type { Environment, EpochMetrics, JudgedLabel, RunProgress, ValidationPrediction } from './records.js';

const files = {
  config: 'config.json',
  environment: 'environment.json',
  spec: 'model.json',
  epochs: 'metrics.jsonl',
  predictions: 'predictions.jsonl',
  labels: 'labels.jsonl',
  best: 'best.safetensors',
  last: 'last',
  model: 'model.onnx',
  report: 'report.html',
  log: 'train.log',
  progress: 'progress.json',
  folds: 'folds',
  final: 'final',
};

const rankLog = /^rank-\d+\.log$/;

/** The end of a temporary file's name, which a killed write leaves behind. */
const leftover = /\.(\d+|\d+\.[0-9a-f]+\.tmp)$/;

/**
 * A run folder. Each file is written to a temporary name, synced and renamed, so that at every moment it holds either
 * its old content or all of the new. Every method throws `RunError` if the operating system refuses.
 */
export class RunFolder {
  readonly path: string;
  /** Path of the best checkpoint. */
  readonly best: string;
  /** Paths of files that are read elsewhere only if they are there, or only if they have changed. */
  readonly environment: string;
  readonly predictions: string;
  /** Path of the model file for prediction. */
  readonly model: string;
  /** Path of the HTML report. */
  readonly report: string;
  /** Path of the checkpoint from which training resumes. */
  readonly last: string;
  /** Path of the run that trains the one model of a cross-validation. */
  readonly final: string;

  private constructor(path: string) {
    this.path = path;
    this.best = join(path, files.best);
    this.environment = join(path, files.environment);
    this.predictions = join(path, files.predictions);
    this.model = join(path, files.model);
    this.report = join(path, files.report);
    this.last = join(path, files.last, 'state.safetensors');
    this.final = join(path, files.final);
  }

  /**
   * Creates a run folder at `path`. What a start left that was killed before it wrote its configuration is removed.
   *
   * @param options `crossValidated`: the folder has its checkpoints in runs of its folds
   * @throws RunError if a run or anything else is already there, or if the folder cannot be written
   */
  static create(path: string, { crossValidated = false } = {}): RunFolder {
    const run = new RunFolder(path);
    if (RunFolder.isRun(path)) {
      throw new RunError(
        `${path} already holds a run: continue it with evenhand train --resume ${path}, or name another folder with --run`,
      );
    }
    guarded(path, 'written', () => mkdirSync(crossValidated ? path : join(path, files.last), { recursive: true }));
    refuseIfHeld(path);
    const expected: readonly string[] = Object.values(files);
    const stranger = guarded(path, 'read', () => readdirSync(path)).find(
      (name) => !isLock(name) && !rankLog.test(name) && !expected.includes(name.replace(leftover, '')),
    );
    if (stranger !== undefined) {
      throw new RunError(`${path} is not empty (it holds ${printable(stranger)}): name a new folder with --run`);
    }
    guarded(path, 'written', () => accessSync(path, constants.W_OK));
    run.removeLeftovers();
    return run;
  }

  /** Whether there is a run at `path`: a folder with a configuration counts as one. */
  static isRun(path: string): boolean {
    return existsSync(join(path, files.config));
  }

  /** Opens the run folder at `path`. Throws `RunError` if there is none. */
  static open(path: string): RunFolder {
    if (RunFolder.isRun(path)) return new RunFolder(path);
    const what = existsSync(path) ? `holds no run (it has no ${files.config})` : 'does not exist';
    throw new RunError(
      `${path} ${what}: give the folder of a run, or start one with evenhand train DATA --run ${path}`,
    );
  }

  /** Path of the log of a run, which a damaged run may have too. */
  static logOf(path: string): string {
    return join(path, files.log);
  }

  /** Removes the configuration of a run that has trained nothing and cannot, so that its folder is free. */
  undoStart(): void {
    guarded(this.path, 'written', () => {
      for (const name of [files.config, files.environment, files.spec, files.log, files.progress]) {
        rmSync(join(this.path, name), { force: true });
      }
      for (const name of readdirSync(this.path)) if (rankLog.test(name)) rmSync(join(this.path, name));
      rmSync(join(this.path, files.folds), { recursive: true, force: true });
    });
  }

  /** Removes what `create` made if no run was started in it, for example because the data turned out to be unusable. */
  static removeUnstarted(path: string): void {
    if (!existsSync(path) || RunFolder.isRun(path) || isHeld(path)) return;
    for (const folder of [join(path, files.last), path]) {
      if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
    }
  }

  /**
   * Locks the folder for this process, which is then the only one that trains in it, and returns a function that
   * unlocks it. If the process is killed, the next one takes the folder over.
   *
   * @throws RunError if another process holds the folder: it names the process
   */
  lock(): () => void {
    return lockFolder(this.path);
  }

  /** Removes temporary files that killed writes have left. Only for the process that holds the lock. */
  removeLeftovers(): void {
    guarded(this.path, 'written', () => {
      for (const folder of [this.path, join(this.path, files.last)]) {
        if (!existsSync(folder)) continue;
        for (const name of readdirSync(folder)) if (leftover.test(name)) rmSync(join(folder, name), { force: true });
      }
    });
  }

  /** The run folder of a fold of a cross-validation, counted from 0. */
  foldPath(fold: number): string {
    return join(this.path, files.folds, String(fold));
  }

  /** The folds of a cross-validation that have begun, in order; empty for other runs. */
  folds(): RunFolder[] {
    const path = join(this.path, files.folds);
    if (!existsSync(path)) return [];
    const numbers = guarded(path, 'read', () => readdirSync(path)).filter((name) => /^\d+$/.test(name));
    return numbers
      .sort((a, b) => Number(a) - Number(b))
      .map((name) => join(path, name))
      .filter((fold) => RunFolder.isRun(fold))
      .map((fold) => new RunFolder(fold));
  }

  writeConfig(config: Readonly<Record<string, unknown>>): void {
    this.#write(files.config, pretty(config));
  }

  /** The keys and values as they were written; whether they are a valid configuration is checked by `train`. */
  readConfig(): Record<string, unknown> {
    return readJsonObject(join(this.path, files.config), checkConfig);
  }

  writeEnvironment(environment: Environment): void {
    this.#write(files.environment, pretty(environment));
  }

  readEnvironment(): Environment {
    return readJsonObject(join(this.path, files.environment), checkEnvironment);
  }

  /** Writes what the model of the run is, so that later commands need no network. */
  writeModel(spec: Readonly<Record<string, unknown>>): void {
    this.#write(files.spec, pretty(spec));
  }

  /** As it was written, unchecked; null for a run of version 0.1, which has only the name of its model. */
  readModel(): Record<string, unknown> | null {
    const path = join(this.path, files.spec);
    return existsSync(path) ? readJsonObject(path, (value) => value) : null;
  }

  /** Writes the whole list again, so that the file never disagrees with the checkpoint beside it. */
  writeEpochs(epochs: readonly EpochMetrics[]): void {
    this.#write(files.epochs, lines(epochs));
  }

  /** In order; empty if no epoch has ended yet. */
  readEpochs(): EpochMetrics[] {
    return this.#readLines(files.epochs, parseEpoch);
  }

  writePredictions(rows: Iterable<ValidationPrediction>): void {
    this.#write(files.predictions, lines(rows));
  }

  /** In the order of the validation images; empty if no epoch has ended yet. */
  readPredictions(): ValidationPrediction[] {
    return this.#readLines(files.predictions, parsePrediction);
  }

  /** What the run found out about its labels, the most probably wrong ones first. */
  writeLabels(rows: Iterable<JudgedLabel>): void {
    this.#write(files.labels, lines(rows));
  }

  /** Empty if labels were not judged. */
  readLabels(): JudgedLabel[] {
    return this.#readLines(files.labels, parseJudgedLabel);
  }

  /** Appends a line to train.log, or of another process than the first to the log of its rank. */
  log(line: string, rank = 0): void {
    const path = rank === 0 ? RunFolder.logOf(this.path) : join(this.path, `rank-${rank}.log`);
    guarded(path, 'written', () => appendFileSync(path, `${line}\n`));
  }

  writeProgress(progress: RunProgress): void {
    this.#write(files.progress, pretty(progress));
  }

  /** Undefined for a run that was trained without the command line, or by an earlier version. */
  readProgress(): RunProgress | undefined {
    const path = join(this.path, files.progress);
    return existsSync(path) ? readJsonObject(path, checkProgress) : undefined;
  }

  /**
   * Where the process is that holds the lock: `here`, or `elsewhere` on another host, of which it is not known whether it
   * still runs. Undefined if there is none. Changes nothing, unlike `lock`.
   */
  holder(): 'here' | 'elsewhere' | undefined {
    return findHolder(this.path);
  }

  #write(name: string, content: string | Buffer): void {
    const path = join(this.path, name);
    guarded(path, 'written', () => writeFileAtomic(path, content));
  }

  #readLines<T>(name: string, parse: (line: string) => T): T[] {
    const path = join(this.path, name);
    return existsSync(path) ? readJsonLines(path, parse) : [];
  }
}

const pretty = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const lines = (records: Iterable<unknown>): Buffer =>
  Buffer.concat(Array.from(records, (record) => Buffer.from(`${JSON.stringify(record)}\n`)));
