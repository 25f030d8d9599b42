import {
  accessSync,
  appendFileSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { guarded, RunError } from './errors.js';
import {
  type Environment,
  type EpochMetrics,
  epochShape,
  type JudgedLabel,
  judgedShape,
  type Prediction,
  parseRecord,
  predictionShape,
} from './records.js';

const files = {
  config: 'config.json',
  environment: 'environment.json',
  epochs: 'metrics.jsonl',
  predictions: 'predictions.jsonl',
  labels: 'labels.jsonl',
  best: 'best.safetensors',
  last: 'last',
  model: 'model.onnx',
  report: 'report.html',
  log: 'train.log',
};

/** What a write that was killed leaves: the file's name and the writer's number. */
const leftover = /\.(\d+|\d+\.[0-9a-f]+\.tmp)$/;

/**
 * A run folder. Each file is written to a temporary name, synced and renamed, so that at every moment it holds either
 * what it held before or all of the new. Every method throws `RunError` where the system refuses.
 */
export class RunFolder {
  readonly path: string;
  /** The weights of the best epoch. */
  readonly best: string;
  /** The model file for prediction. */
  readonly model: string;
  /** The page that shows the run. */
  readonly report: string;
  /** All that is needed to resume. */
  readonly last: string;

  private constructor(path: string) {
    this.path = path;
    this.best = join(path, files.best);
    this.model = join(path, files.model);
    this.report = join(path, files.report);
    this.last = join(path, files.last, 'state.safetensors');
  }

  /**
   * A new run folder at `path`, with the folders that are to be in it. A start that was killed before it wrote its
   * configuration is taken over.
   *
   * @throws RunError where a run or anything else is already there, or where the folder cannot be written
   */
  static create(path: string): RunFolder {
    const run = new RunFolder(path);
    if (existsSync(join(path, files.config))) {
      throw new RunError(
        `${path} already holds a run: go on with it by evenhand train --resume ${path}, or name another folder with --run`,
      );
    }
    guarded(path, 'written', () => mkdirSync(join(path, files.last), { recursive: true }));
    const known: readonly string[] = Object.values(files);
    const stranger = guarded(path, 'read', () => readdirSync(path)).find(
      (name) => !known.includes(name.replace(leftover, '')),
    );
    if (stranger !== undefined) {
      throw new RunError(`${path} is not empty (it holds ${stranger}): name a new folder with --run`);
    }
    guarded(path, 'written', () => accessSync(path, constants.W_OK));
    run.removeLeftovers();
    return run;
  }

  /** The run folder at `path`. Throws `RunError` where there is none. */
  static open(path: string): RunFolder {
    if (existsSync(join(path, files.config))) return new RunFolder(path);
    const what = existsSync(path) ? `holds no run (it has no ${files.config})` : 'does not exist';
    throw new RunError(
      `${path} ${what}: give the folder of a run, or start one with evenhand train DATA --run ${path}`,
    );
  }

  /** Removes what `create` made where no run was begun in it, as where the data turned out unusable. */
  static removeUnstarted(path: string): void {
    if (existsSync(join(path, files.config))) return;
    for (const folder of [join(path, files.last), path]) {
      if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
    }
  }

  /** Removes what writes that were killed have left. Only for the process that trains in the folder. */
  removeLeftovers(): void {
    guarded(this.path, 'written', () => {
      for (const folder of [this.path, join(this.path, files.last)]) {
        if (!existsSync(folder)) continue;
        for (const name of readdirSync(folder)) if (leftover.test(name)) rmSync(join(folder, name), { force: true });
      }
    });
  }

  writeConfig(config: Readonly<Record<string, unknown>>): void {
    this.#write(files.config, pretty(config));
  }

  /** The keys and values as they were written; whether they make a configuration is for `train` to say. */
  readConfig(): Record<string, unknown> {
    return this.#readObject(files.config);
  }

  writeEnvironment(environment: Environment): void {
    this.#write(files.environment, pretty(environment));
  }

  readEnvironment(): Environment {
    const found: Partial<Environment> = this.#readObject(files.environment);
    if (!Array.isArray(found.dataset?.classes)) {
      throw new RunError(`${join(this.path, files.environment)}: is damaged: dataset.classes is not a list`);
    }
    return found as Environment;
  }

  /** Writes the whole list anew, so that the file never disagrees with the checkpoint that it is written beside. */
  writeEpochs(epochs: readonly EpochMetrics[]): void {
    this.#write(files.epochs, lines(epochs));
  }

  /** In their order; none where no epoch has ended yet. */
  readEpochs(): EpochMetrics[] {
    return this.#readLines(files.epochs, epochShape);
  }

  writePredictions(rows: Iterable<Prediction>): void {
    this.#write(files.predictions, lines(rows));
  }

  /** In the order of the validation images; none where no epoch has ended yet. */
  readPredictions(): Prediction[] {
    return this.#readLines(files.predictions, predictionShape);
  }

  /** What the run found of its labels, those that are most probably wrong first. */
  writeLabels(rows: Iterable<JudgedLabel>): void {
    this.#write(files.labels, lines(rows));
  }

  /** None where labels were not judged. */
  readLabels(): JudgedLabel[] {
    return this.#readLines(files.labels, judgedShape);
  }

  /** Appends a line to train.log. */
  log(line: string): void {
    const path = join(this.path, files.log);
    guarded(path, 'written', () => appendFileSync(path, `${line}\n`));
  }

  #write(name: string, content: string | Buffer): void {
    const path = join(this.path, name);
    guarded(path, 'written', () => writeFileAtomic.sync(path, content));
  }

  #readObject(name: string): Record<string, unknown> {
    const path = join(this.path, name);
    const text = guarded(path, 'read', () => readFileSync(path, 'utf8'));
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('it is no object');
      return value as Record<string, unknown>;
    } catch (error) {
      throw new RunError(`${path}: is damaged: ${(error as Error).message}`, { cause: error });
    }
  }

  #readLines<T>(name: string, shape: Parameters<typeof parseRecord<T>>[1]): T[] {
    const path = join(this.path, name);
    if (!existsSync(path)) return [];
    const bytes = guarded(path, 'read', () => readFileSync(path));
    const records: T[] = [];
    // Line by line from bytes: the whole of a large file is longer than a string may be.
    for (let start = 0, number = 1; start < bytes.length; number++) {
      const newline = bytes.indexOf(0x0a, start);
      const end = newline < 0 ? bytes.length : newline;
      const line = bytes.toString('utf8', start, end);
      start = end + 1;
      if (line.trim() === '') continue;
      try {
        records.push(parseRecord(line, shape));
      } catch (error) {
        throw new RunError(`${path}: line ${number} is damaged: ${(error as Error).message}`, { cause: error });
      }
    }
    return records;
  }
}

const pretty = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const lines = (records: Iterable<unknown>): Buffer =>
  Buffer.concat(Array.from(records, (record) => Buffer.from(`${JSON.stringify(record)}\n`)));
