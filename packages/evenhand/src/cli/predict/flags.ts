import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DEVICES, type Device, type Preset, TTA, type Tta, validatePreset } from '@evenhand/predict';
import { readLabelList } from '../../data/index.js';
import type { Flag, Parsed } from '../options/flags.js';
import { UsageError } from '../output/errors.js';
import { quoted } from '../output/text.js';

export const predictFlags: readonly Flag[] = [
  { name: 'csv', boolean: false, value: 'FILE', group: 'Input', doc: 'images to answer for, a row each' },
  {
    name: 'images',
    boolean: false,
    value: 'DIR',
    group: 'Input',
    doc: "folder of the CSV's images [NAME/images beside NAME.csv, or the CSV's own]",
  },
  {
    name: 'filename-column',
    boolean: false,
    value: 'NAME',
    group: 'Input',
    doc: 'its column of file names [filename]',
  },
  {
    name: 'id-column',
    boolean: false,
    value: 'NAME',
    group: 'Input',
    doc: 'its column of ids [image_id or id, or else the file names]',
  },
  {
    name: 'out',
    boolean: false,
    value: 'FILE',
    group: 'Output',
    doc: 'write answers as CSV, a row an image in the same order [predictions.csv with --csv]',
  },
  {
    name: 'probs',
    boolean: false,
    value: 'FILE',
    group: 'Output',
    doc: 'write probabilities as CSV, a column a class',
  },
  { name: 'json', boolean: true, group: 'Output', doc: 'print answers as JSON, a line an image' },
  { name: 'top-k', boolean: false, value: 'K', group: 'Output', doc: 'how many classes are printed of an image [3]' },
  {
    name: 'resume',
    boolean: true,
    group: 'Output',
    doc: 'go on with an interrupted prediction that was to write the same --out',
  },
  {
    name: 'tta',
    boolean: false,
    value: 'KIND',
    group: 'Computation',
    doc: `views of an image whose logits are averaged: ${TTA.join(', ')} [none]`,
  },
  {
    name: 'time-limit',
    boolean: false,
    value: 'TIME',
    group: 'Computation',
    doc: 'such as 10m or 90s: every row gets an answer before that; views are dropped where they would not fit',
  },
  { name: 'device', boolean: false, value: 'NAME', group: 'Computation', doc: `${DEVICES.join(', ')} [auto]` },
  { name: 'threads', boolean: false, value: 'N', group: 'Computation', doc: 'threads that compute [one a core]' },
  {
    name: 'labels',
    boolean: false,
    value: 'FILE',
    group: 'Models of other programs',
    doc: 'class names, a line each, in the order of the logits',
  },
  {
    name: 'preset',
    boolean: false,
    value: 'FILE',
    group: 'Models of other programs',
    doc: 'JSON with resize, crop, interpolation, mean, std; or the JSON itself',
  },
];

/** What the flags of `predict` say. */
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
  readonly json: boolean;
  readonly topK: number;
  readonly resume: boolean;
  readonly tta: Tta;
  /** Milliseconds from the start of the program. */
  readonly timeLimit: number | undefined;
  readonly device: Device;
  readonly threads: number | undefined;
  readonly labels: readonly string[] | undefined;
  readonly preset: Preset | undefined;
}

/** @throws UsageError, a sentence, where a value is not allowed or flags contradict one another */
export async function settingsOf({ positionals, flags }: Parsed): Promise<PredictSettings> {
  const [place, ...paths] = positionals;
  if (place === undefined) {
    throw new UsageError('MODEL is missing: evenhand predict MODEL IMAGE..., or MODEL --csv FILE');
  }
  const csv = flags.get('csv');
  if (csv === undefined && paths.length === 0) {
    throw new UsageError(
      `There is nothing to predict: name images or folders after ${quoted(place)}, or give --csv FILE`,
    );
  }
  if (csv !== undefined && paths.length > 0) {
    throw new UsageError(`Unexpected ${JSON.stringify(paths[0])}: --csv names the images already`);
  }
  for (const name of ['images', 'filename-column', 'id-column']) {
    if (csv === undefined && flags.has(name))
      throw new UsageError(`--${name} belongs to --csv FILE, which is not given`);
  }
  const out = flags.get('out') ?? (csv === undefined ? undefined : 'predictions.csv');
  const resume = flags.get('resume') === 'true';
  if (resume && out === undefined) throw new UsageError('--resume goes on with --out FILE, which is not given');
  const probs = flags.get('probs');
  if (probs !== undefined && out === undefined) throw new UsageError('--probs FILE needs --out FILE, or --csv FILE');
  return {
    model: modelFile(place),
    paths,
    csv,
    images: flags.get('images'),
    filenameColumn: flags.get('filename-column'),
    idColumn: flags.get('id-column'),
    out,
    probs,
    json: flags.get('json') === 'true',
    topK: wholeNumber(flags, 'top-k') ?? 3,
    resume,
    tta: oneOf(flags, 'tta', TTA) ?? 'none',
    timeLimit: timeOf(flags.get('time-limit')),
    device: oneOf(flags, 'device', DEVICES) ?? 'auto',
    threads: wholeNumber(flags, 'threads'),
    labels: await labelsOf(flags.get('labels')),
    preset: presetOf(flags.get('preset')),
  };
}

/** MODEL is a file, or a run folder with one in it. */
function modelFile(place: string): string {
  if (!existsSync(place) || !statSync(place).isDirectory()) return place;
  const inside = join(place, 'model.onnx');
  if (existsSync(inside)) return inside;
  throw new UsageError(`${place} holds no model.onnx: if it is a run, evenhand export ${quoted(place)} makes it`);
}

function oneOf<T extends string>(flags: Parsed['flags'], name: string, allowed: readonly T[]): T | undefined {
  const text = flags.get(name);
  if (text === undefined) return undefined;
  const found = allowed.find((each) => each === text);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} must be one of ${allowed.join(', ')}, got ${JSON.stringify(text)}`);
}

function wholeNumber(flags: Parsed['flags'], name: string): number | undefined {
  const text = flags.get(name);
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text) && Number(text) >= 1 && Number.isSafeInteger(Number(text))) return Number(text);
  throw new UsageError(`--${name} must be a whole number of at least 1, got ${JSON.stringify(text)}`);
}

/** `1h30m`, `10m`, `90s`, `2.5s` as milliseconds. */
function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parts = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$/.exec(text);
  const [hours, minutes, seconds] = (parts?.slice(1) ?? []).map((part) => Number(part ?? 0));
  const time = ((hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0)) * 1000;
  if (time > 0) return time;
  throw new UsageError(`--time-limit must be a time such as 10m, 90s or 1h30m, got ${JSON.stringify(text)}`);
}

export async function labelsOf(file: string | undefined): Promise<string[] | undefined> {
  if (file === undefined) return undefined;
  const labels = await readLabelList(file);
  if (labels === undefined) throw new UsageError(`--labels ${file}: there is no such file`);
  return labels;
}

export function presetOf(given: string | undefined): Preset | undefined {
  if (given === undefined) return undefined;
  const inline = given.trimStart().startsWith('{');
  if (!inline && !existsSync(given)) throw new UsageError(`--preset ${given}: there is no such file`);
  try {
    return validatePreset(JSON.parse(inline ? given : readFileSync(given, 'utf8')));
  } catch (error) {
    throw new UsageError(`--preset ${given}: ${(error as Error).message}`, { cause: error });
  }
}
