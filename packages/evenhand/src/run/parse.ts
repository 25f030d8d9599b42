import { describeValue, printable } from '../printable.js';
import type { Environment, EpochMetrics, GpuFacts, JudgedLabel, RunProgress, ValidationPrediction } from './records.js';

const descriptions = {
  number: 'a number',
  numbers: 'a list of numbers',
  string: 'text',
  strings: 'a list of texts',
  boolean: 'true or false',
  object: 'an object',
  list: 'a list',
};

type Required = keyof typeof descriptions;

/** Optional values may be missing or null. */
type Kind = Required | `optional ${Required}`;

/** The kind of every key of `T`; the compiler sees to it that none is missing. */
type Shape<T> = Readonly<Record<keyof T & string, Kind>>;

const epochShape: Shape<EpochMetrics> = {
  phase: 'string',
  epoch: 'number',
  averaged: 'optional number',
  size: 'number',
  trainLoss: 'number',
  backboneRate: 'number',
  headRate: 'number',
  valLoss: 'number',
  accuracy: 'number',
  balancedAccuracy: 'number',
  macroF1: 'number',
  macroF1Low: 'number',
  macroF1High: 'number',
  macroF1Present: 'number',
  macroF1Posterior: 'optional number',
  macroF1PosteriorLow: 'optional number',
  macroF1PosteriorHigh: 'optional number',
  numClasses: 'number',
  numPresent: 'number',
  seconds: 'number',
  imagesPerSecond: 'number',
  peakMemoryMB: 'number',
  peakGpuMemoryMB: 'optional number',
  best: 'boolean',
};

const judgedShape: Shape<JudgedLabel> = {
  file: 'string',
  part: 'string',
  given: 'string',
  wrong: 'number',
  suggested: 'string',
  suggestedProbability: 'number',
  posterior: 'object',
};

const predictionShape: Shape<ValidationPrediction> = { file: 'string', label: 'string', logits: 'numbers' };

const progressShape: Shape<RunProgress> = {
  updated: 'string',
  state: 'string',
  reason: 'optional string',
  stage: 'optional string',
  fold: 'optional number',
  folds: 'optional number',
  epoch: 'optional number',
  epochs: 'optional number',
  done: 'optional number',
  total: 'optional number',
  imagesPerSecond: 'optional number',
  loss: 'optional number',
  learningRate: 'optional number',
  epochSecondsLeft: 'optional number',
  secondsLeft: 'optional number',
};

// Runs of early versions did not record everything.
const environmentShape: Shape<Environment> = {
  versions: 'optional object',
  os: 'optional string',
  cpu: 'optional string',
  cores: 'optional number',
  threads: 'optional number',
  processes: 'optional number',
  device: 'optional string',
  gpu: 'optional object',
  memoryMB: 'optional number',
  git: 'optional object',
  dataset: 'object',
  started: 'optional string',
};

const datasetShape: Shape<Environment['dataset']> = {
  fingerprint: 'string',
  splitFingerprint: 'optional string',
  path: 'string',
  classes: 'strings',
  classCounts: 'optional numbers',
  train: 'optional number',
  val: 'optional number',
  skipped: 'optional list',
};

const gpuShape: Shape<GpuFacts> = {
  name: 'optional string',
  capability: 'optional string',
  memoryMB: 'optional number',
  driver: 'optional string',
  cuda: 'optional string',
};

const gitShape: Shape<NonNullable<Environment['git']>> = { commit: 'string', dirty: 'boolean' };

const skippedShape: Shape<Environment['dataset']['skipped'][number]> = { file: 'string', reason: 'string' };

export const parseEpoch = (line: string): EpochMetrics => parseRecord(line, epochShape);
export const parsePrediction = (line: string): ValidationPrediction => parseRecord(line, predictionShape);
export const parseJudgedLabel = (line: string): JudgedLabel => parseRecord(line, judgedShape);

/** Returns `value` if all its values are numbers, texts, booleans or lists of these, else throws a `SyntaxError`. */
export function checkConfig(value: Record<string, unknown>): Record<string, unknown> {
  for (const [key, setting] of Object.entries(value)) {
    if ([setting].flat().some((part) => typeof part === 'object' && part !== null)) {
      throw new SyntaxError(`${printable(key)} must be a value or a list of values, got ${describeValue(setting)}`);
    }
  }
  return value;
}

/** Returns `value` if it is the environment of a run, else throws a `SyntaxError` that says what is wrong with it. */
export function checkEnvironment(value: Record<string, unknown>): Environment {
  checkShape(value, environmentShape, '');
  const environment = value as unknown as Environment;
  checkShape(environment.dataset, datasetShape, 'dataset.');
  for (const [name, version] of Object.entries(environment.versions ?? {})) {
    if (typeof version !== 'string') {
      throw new SyntaxError(`versions.${printable(name)} must be text, got ${describeValue(version)}`);
    }
  }
  if (environment.gpu) checkShape(environment.gpu, gpuShape, 'gpu.');
  if (environment.git) checkShape(environment.git, gitShape, 'git.');
  for (const [i, image] of (environment.dataset.skipped ?? []).entries()) {
    checkShape(image, skippedShape, `dataset.skipped[${i}].`);
  }
  return environment;
}

/** Returns `value` if it is the progress of a run, else throws a `SyntaxError` that says what is wrong with it. */
export function checkProgress(value: Record<string, unknown>): RunProgress {
  checkShape(value, progressShape, '');
  return value as unknown as RunProgress;
}

/**
 * Parses a line of JSON as a record of the given shape. JSON has no NaN and writes null instead, for the loss of a run
 * that diverged, so null is read as NaN where a number is expected.
 *
 * @throws SyntaxError that says what is wrong with it
 */
function parseRecord<T>(line: string, shape: Shape<T>): T {
  const record: unknown = JSON.parse(line);
  checkShape(record, shape, '');
  return record as T;
}

/** Throws a `SyntaxError` that names the value by `prefix` and its key if a value is not of its kind. */
function checkShape<T>(record: unknown, shape: Shape<T>, prefix: string): void {
  if (!isObject(record)) throw new SyntaxError(`${prefix.replace(/\.$/, '') || 'it'} is not an object`);
  for (const [key, kind] of Object.entries<Kind>(shape)) {
    const value = record[key];
    if (!isKind(value, kind)) {
      const expected = descriptions[kind.replace('optional ', '') as Required];
      throw new SyntaxError(`${prefix}${key} must be ${expected}, got ${describeValue(value)}`);
    }
    if (kind === 'number') record[key] = value ?? Number.NaN;
    if (kind === 'numbers') record[key] = (value as (number | null)[]).map((number) => number ?? Number.NaN);
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isNumber = (value: unknown): boolean => typeof value === 'number' || value === null;

function isKind(value: unknown, kind: Kind): boolean {
  if (kind.startsWith('optional ')) {
    return value === undefined || value === null || isKind(value, kind.replace('optional ', '') as Required);
  }
  switch (kind) {
    case 'number':
      return isNumber(value);
    case 'numbers':
      return Array.isArray(value) && value.every(isNumber);
    case 'strings':
      return Array.isArray(value) && value.every((element) => typeof element === 'string');
    case 'list':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    default:
      return typeof value === kind;
  }
}
