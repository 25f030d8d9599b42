import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DEVICES, type Device, type Preset, TTA, type Tta, validatePreset } from '@evenhand/predict';
import { readLabelList } from '../../data/index.js';
import { parseDuration } from '../../duration.js';
import type { Part } from '../../part.js';
import { describeValue, printable } from '../../printable.js';
import { csvSafeFlag, type Flag, type Parsed, readWholeNumber } from '../options/flags.js';
import { readShard } from '../options/shard.js';
import { UsageError } from '../output/errors.js';
import { quoted } from '../output/text.js';

export const predictFlags: readonly Flag[] = [
  {
    name: 'csv',
    boolean: false,
    value: 'FILE',
    group: 'Input',
    doc: 'CSV file with one row per image; every row gets a prediction',
  },
  {
    name: 'images',
    boolean: false,
    value: 'DIR',
    group: 'Input',
    doc: 'folder of the images in the CSV file [NAME/images beside NAME.csv, or the folder of the CSV file]',
  },
  {
    name: 'filename-column',
    boolean: false,
    value: 'NAME',
    group: 'Input',
    doc: 'column with the file names [filename]',
  },
  {
    name: 'id-column',
    boolean: false,
    value: 'NAME',
    group: 'Input',
    doc: 'column with the ids [image_id or id, otherwise the file names]',
  },
  {
    name: 'out',
    boolean: false,
    value: 'FILE',
    group: 'Output',
    doc: 'write predictions as CSV, one row per image in the order of the input [predictions.csv with --csv]',
  },
  {
    name: 'probs',
    boolean: false,
    value: 'FILE',
    group: 'Output',
    doc: 'write probabilities as CSV, one row per image and one column per class',
  },
  csvSafeFlag,
  { name: 'json', boolean: true, group: 'Output', doc: 'print predictions as JSON, one line per image' },
  { name: 'top-k', boolean: false, value: 'N', group: 'Output', doc: 'number of classes printed per image [3]' },
  {
    name: 'resume',
    boolean: true,
    group: 'Output',
    doc: 'continue an interrupted prediction with the same --out',
  },
  {
    name: 'shard',
    boolean: false,
    value: 'I/N',
    group: 'Several machines',
    doc: 'predict part I of N of the images, counted from 0, into a file beside --out; run again, it continues',
  },
  {
    name: 'merge',
    boolean: true,
    group: 'Several machines',
    doc: 'write --out from the files of all shards, after checking that every image is there once',
  },
  {
    name: 'tta',
    boolean: false,
    value: 'KIND',
    group: 'Computation',
    doc: `test-time augmentation, the views whose logits are averaged: ${TTA.join(', ')} [none]`,
  },
  {
    name: 'time-limit',
    boolean: false,
    value: 'TIME',
    group: 'Computation',
    doc: 'finish within this time, such as 10m or 90s: drops views, then networks of an ensemble, then predictions, if they do not fit',
  },
  { name: 'device', boolean: false, value: 'NAME', group: 'Computation', doc: `${DEVICES.join(', ')} [auto]` },
  { name: 'threads', boolean: false, value: 'N', group: 'Computation', doc: 'number of threads [one per core]' },
  {
    name: 'labels',
    boolean: false,
    value: 'FILE',
    group: 'Models from other programs',
    doc: 'text file with the class names, one per line, in the order of the logits',
  },
  {
    name: 'preset',
    boolean: false,
    value: 'FILE',
    group: 'Models from other programs',
    doc: 'JSON, or a JSON file, with resize, crop, cropMode (optional), interpolation, mean and std',
  },
];

/** The settings of `predict`. */
export interface PredictSettings {
  /** The model file. */
  readonly model: string;
  readonly paths: readonly string[];
  readonly csv: string | undefined;
  readonly images: string | undefined;
  readonly filenameColumn: string | undefined;
  readonly idColumn: string | undefined;
  readonly out: string | undefined;
  readonly probs: string | undefined;
  readonly csvSafe: boolean;
  readonly json: boolean;
  readonly topK: number;
  readonly resume: boolean;
  readonly shard: Part | undefined;
  /** Write the output from shards that are there. */
  readonly merge: boolean;
  readonly tta: Tta;
  /** Milliseconds since the start of the program. */
  readonly timeLimit: number | undefined;
  readonly device: Device;
  readonly threads: number | undefined;
  readonly labels: readonly string[] | undefined;
  readonly preset: Preset | undefined;
}

/** @throws UsageError of one sentence for an invalid value or a contradiction between flags */
export async function readSettings({ positionals, flags }: Parsed): Promise<PredictSettings> {
  const [model, ...paths] = positionals;
  if (model === undefined) {
    throw new UsageError('MODEL is missing: evenhand predict MODEL IMAGE..., or MODEL --csv FILE');
  }
  const csv = flags.get('csv');
  if (csv === undefined && paths.length === 0) {
    throw new UsageError(`There is nothing to predict: give images or folders after ${quoted(model)}, or --csv FILE`);
  }
  if (csv !== undefined && paths.length > 0) {
    throw new UsageError(`Unexpected argument ${describeValue(paths[0])}: the images are already listed by --csv`);
  }
  for (const name of ['images', 'filename-column', 'id-column']) {
    if (csv === undefined && flags.has(name)) throw new UsageError(`--${name} is only for --csv FILE`);
  }
  const out = flags.get('out') ?? (csv === undefined ? undefined : 'predictions.csv');
  const resume = flags.get('resume') === 'true';
  if (resume && out === undefined) throw new UsageError('--resume needs the --out FILE of the interrupted prediction');
  const probs = flags.get('probs');
  if (probs !== undefined && out === undefined) throw new UsageError('--probs FILE needs --out FILE or --csv FILE');
  const shard = readShard(flags);
  const merge = flags.get('merge') === 'true';
  if (merge && shard) throw new UsageError('--merge writes what --shard has predicted: give one of them');
  for (const [name, isGiven] of [
    ['shard', shard !== undefined],
    ['merge', merge],
  ] as const) {
    if (isGiven && out === undefined) throw new UsageError(`--${name} needs --out FILE or --csv FILE`);
    if (isGiven && resume) throw new UsageError(`--${name} goes without --resume: a shard is continued unasked`);
  }
  requireFileName('out', out);
  requireFileName('probs', probs);
  if (out !== undefined && probs !== undefined && resolve(out) === resolve(probs)) {
    throw new UsageError(`--out and --probs are the same file, ${printable(out)}; give them different names`);
  }
  return {
    model: findModelFile(model),
    paths,
    csv,
    images: flags.get('images'),
    filenameColumn: flags.get('filename-column'),
    idColumn: flags.get('id-column'),
    out,
    probs,
    csvSafe: flags.get('csv-safe') === 'true',
    json: flags.get('json') === 'true',
    topK: readWholeNumber(flags, 'top-k') ?? 3,
    resume,
    shard,
    merge,
    tta: readChoice(flags, 'tta', TTA) ?? 'none',
    timeLimit: readTime(flags.get('time-limit')),
    device: readChoice(flags, 'device', DEVICES) ?? 'auto',
    threads: readWholeNumber(flags, 'threads'),
    labels: await readLabels(flags.get('labels')),
    preset: readPreset(flags.get('preset')),
  };
}

/** A finished file is renamed to its name, which would replace a device such as /dev/stdout by a file. */
function requireFileName(flag: string, path: string | undefined): void {
  if (path === undefined || !existsSync(path) || statSync(path).isFile()) return;
  const remedy = statSync(path).isDirectory() ? 'give a file name in it' : 'give a file name, or print with --json';
  throw new UsageError(`--${flag} ${printable(path)} is not a file; ${remedy}`);
}

/** MODEL is a file, or a run folder that contains one. */
export function findModelFile(model: string): string {
  if (!existsSync(model) || !statSync(model).isDirectory()) return model;
  const file = join(model, 'model.onnx');
  if (existsSync(file)) return file;
  throw new UsageError(
    `${printable(model)} has no model.onnx; if it is a run, evenhand export ${quoted(model)} makes one`,
  );
}

export function readChoice<T extends string>(
  flags: Parsed['flags'],
  name: string,
  choices: readonly T[],
): T | undefined {
  const text = flags.get(name);
  if (text === undefined) return undefined;
  const choice = choices.find((candidate) => candidate === text);
  if (choice !== undefined) return choice;
  throw new UsageError(`--${name} must be one of ${choices.join(', ')}, got ${describeValue(text)}`);
}

/** In milliseconds. */
function readTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = parseDuration(text);
  if (seconds !== undefined) return seconds * 1000;
  throw new UsageError(`--time-limit must be a time such as 10m, 90s or 1h30m, got ${describeValue(text)}`);
}

/** The class names in the file of `--labels`. */
export async function readLabels(file: string | undefined): Promise<string[] | undefined> {
  if (file === undefined) return undefined;
  const labels = await readLabelList(file);
  if (labels === undefined) throw new UsageError(`--labels ${printable(file)}: there is no such file`);
  return labels;
}

/** The preset of `--preset`, which is JSON or the name of a JSON file. */
export function readPreset(text: string | undefined): Preset | undefined {
  if (text === undefined) return undefined;
  const isJson = text.trimStart().startsWith('{');
  const fail = (reason: string, cause?: unknown): never => {
    throw new UsageError(`--preset ${isJson ? printable(text) : printable(text, 5000)}: ${reason}`, { cause });
  };
  if (!isJson && !existsSync(text)) return fail('there is no such file');
  if (!isJson && !statSync(text).isFile()) return fail('it is not a file; give JSON or the name of a JSON file');
  try {
    return validatePreset(JSON.parse(isJson ? text : readFileSync(text, 'utf8')));
  } catch (error) {
    return fail((error as Error).message, error);
  }
}
