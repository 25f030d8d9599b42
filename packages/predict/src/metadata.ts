import { type DecisionRule, MOST_PROBABLE } from './decide.js';
import { ModelError } from './model-error.js';
import { readEntries } from './onnx-entries.js';
import { type Preset, validatePreset } from './preset.js';

/** The metadata of a model file: entries of ONNX's `metadata_props`, each `evenhand.NAME` with a value in JSON. */
export interface ModelMetadata {
  /** The version of evenhand that wrote the file. */
  readonly version: string;
  /** The architecture's name, such as `efficientnet_b3`. */
  readonly model: string;
  /** [K] class names in the order of the logits. */
  readonly classes: readonly string[];
  readonly preset: Preset;
  readonly decision: DecisionRule;
  /** [K] training images per class; null if unknown. Unreadable images are assigned the most frequent class. */
  readonly classCounts: readonly number[] | null;
  /** The resolved configuration of the training; null for weights from elsewhere. */
  readonly config: Readonly<Record<string, unknown>> | null;
  /** SHA-256 of the training data's file names, sizes and labels; null if unknown. */
  readonly dataFingerprint: string | null;
  /** Macro F1 over all classes on the validation images, with its 95 % interval; null if not measured. */
  readonly validation: ValidationScore | null;
  /** The licence of the pretrained weights that the model was trained from; absent if there were none or nobody says. */
  readonly license?: ModelLicense;
  /** The number of networks whose logits the model averages, if there are several: see `PredictAllOptions.deadline`. */
  readonly members?: number;
}

/** A licence of weights. */
export interface ModelLicense {
  /** As on the Hugging Face hub: `cc-by-nc-4.0`. */
  readonly id: string;
  /** What it forbids or demands beyond attribution: `non-commercial use only`; absent if nothing. */
  readonly restriction?: string;
}

export interface ValidationScore {
  readonly images: number;
  readonly macroF1: number;
  readonly low: number;
  readonly high: number;
}

const PREFIX = 'evenhand.';

/** Ours are nested three levels deep. */
const MAX_DEPTH = 50;

/** The metadata as entries for an ONNX file. */
export function metadataEntries(metadata: ModelMetadata): Record<string, string> {
  const given = Object.entries(metadata).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [PREFIX + name, JSON.stringify(value)]));
}

/**
 * The metadata that evenhand wrote into an ONNX file; undefined if the file has none.
 *
 * @param name how messages call the file
 * @throws ModelError if the bytes are not an ONNX file or the metadata is malformed
 */
export function readMetadata(bytes: Uint8Array, name = 'The model'): ModelMetadata | undefined {
  const entries = readEntries(bytes, name);
  if (!entries.has(`${PREFIX}classes`)) return undefined;

  const fail = (key: string, expected: string): never => {
    throw new ModelError(`${name}: its metadata ${PREFIX}${key} must be ${expected}; export the model again.`);
  };
  const parse = (key: string): unknown => {
    const text = entries.get(PREFIX + key);
    if (text === undefined) return null;
    if (isDeeperThan(text, MAX_DEPTH)) return fail(key, `nested at most ${MAX_DEPTH} levels deep`);
    try {
      return JSON.parse(text);
    } catch {
      return fail(key, 'JSON');
    }
  };
  /** The value of an optional entry, null if there is none. */
  const optional = <T>(key: string, expected: string, accepts: (value: unknown) => value is T): T | null => {
    const value = parse(key);
    return value === null || accepts(value) ? value : fail(key, expected);
  };

  const classes = parse('classes');
  if (!isList(classes, isString) || classes.length === 0) return fail('classes', 'a list of class names');
  const isPerClass = (value: unknown): value is number[] => isList(value, isNumber) && value.length === classes.length;
  const isRule = (value: unknown): value is DecisionRule => {
    if (!isObject(value)) return false;
    const { temperature, scale = null, offset = null } = value;
    const isTemperature = isNumber(temperature) && temperature > 0;
    return isTemperature && (scale === null || isPerClass(scale)) && (offset === null || isPerClass(offset));
  };
  const rule = optional('decision', 'a temperature above 0 with a scale and an offset per class', isRule);
  const { temperature, scale = null, offset = null } = rule ?? MOST_PROBABLE;
  const members = optional('members', 'a whole number from 2 to 1,000', isCount);
  const license = optional('license', 'an object with an id and, if it has any, a restriction', isLicense);
  return {
    version: optional('version', 'a text', isString) ?? 'unknown',
    model: optional('model', 'a text', isString) ?? 'unknown',
    classes,
    preset: parsePreset(parse('preset'), name),
    decision: { temperature, scale, offset },
    classCounts: optional('classCounts', 'one number per class', isPerClass),
    config: optional('config', 'an object', isObject),
    dataFingerprint: optional('dataFingerprint', 'a text', isString),
    validation: optional('validation', 'an object with images, macroF1, low and high', isScore),
    ...(license === null ? {} : { license: withoutOthers(license) }),
    ...(members === null ? {} : { members }),
  };
}

function parsePreset(value: unknown, name: string): Preset {
  try {
    return validatePreset(value);
  } catch (error) {
    throw new ModelError(`${name}: its metadata is malformed: ${(error as Error).message}`, { cause: error });
  }
}

/** Whether JSON is nested deeper than `limit`. Nested values overflow the stack of whoever walks through them later. */
function isDeeperThan(json: string, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const character = json[i]!;
    if (inString) {
      if (character === '\\') i++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '[' || character === '{') {
      if (++depth > limit) return true;
    } else if (character === ']' || character === '}') depth--;
  }
  return false;
}

const isString = (value: unknown): value is string => typeof value === 'string';

const isCount = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 2 && Number(value) <= 1000;

const isNumber = (value: unknown): value is number => Number.isFinite(value);

function isList<T>(value: unknown, accepts: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every(accepts);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isLicense(value: unknown): value is Record<string, unknown> & ModelLicense {
  return isObject(value) && isString(value.id) && (value.restriction === undefined || isString(value.restriction));
}

const withoutOthers = ({ id, restriction }: ModelLicense): ModelLicense =>
  restriction === undefined ? { id } : { id, restriction };

function isScore(value: unknown): value is Record<string, unknown> & ValidationScore {
  return isObject(value) && ['images', 'macroF1', 'low', 'high'].every((key) => isNumber(value[key]));
}

export interface GivenMetadata {
  /** Class names in the order of the logits; by default the model's own. */
  readonly labels?: readonly string[] | undefined;
  /** Preprocessing; by default the model's own. */
  readonly preset?: Preset | undefined;
}

/**
 * The metadata of a model file, with `labels` and `preset` replacing its own if they are given.
 *
 * @throws ModelError if the file was not written by evenhand and `labels` or `preset` is missing
 */
export function metadataOf(bytes: Uint8Array, name: string, { labels, preset }: GivenMetadata): ModelMetadata {
  const own = readMetadata(bytes, name);
  if (own === undefined) {
    if (labels === undefined || preset === undefined) {
      throw new ModelError(
        `${name}: it was not written by evenhand and has no class names and no preset; give both (--labels FILE with ` +
          'one name per line, --preset FILE with JSON).',
      );
    }
    const unknown = { version: 'unknown', model: 'unknown', config: null, dataFingerprint: null, validation: null };
    return { ...unknown, classes: labels, preset, decision: MOST_PROBABLE, classCounts: null };
  }
  if (labels !== undefined && labels.length !== own.classes.length) {
    throw new ModelError(`${name}: it has ${own.classes.length} classes, but ${labels.length} labels were given.`);
  }
  return { ...own, classes: labels ?? own.classes, preset: preset ?? own.preset };
}

/** The class with the most training images; the first class if that is unknown. */
export function mostFrequentClass({ classes, classCounts }: ModelMetadata): string {
  const most = classCounts?.reduce((best, count, k) => (count > classCounts[best]! ? k : best), 0) ?? 0;
  return classes[most]!;
}
