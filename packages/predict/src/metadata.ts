import { PbfReader } from 'pbf';
import { type DecisionRule, MOST_PROBABLE } from './decide.js';
import { type Preset, validatePreset } from './preset.js';

/** A model file that cannot be used; `message` is one sentence that names it, says why and what to do. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
}

/** What a model file says of itself: entries of ONNX's `metadata_props`, each `evenhand.NAME` with a value in JSON. */
export interface ModelMetadata {
  /** Of the program that wrote the file. */
  readonly version: string;
  /** The architecture's name, such as `efficientnet_b3`. */
  readonly model: string;
  /** [K] class names, in the order of the logits. */
  readonly classes: readonly string[];
  readonly preset: Preset;
  readonly decision: DecisionRule;
  /** [K] training images of each class; null where not known. The most frequent class answers for what cannot be read. */
  readonly classCounts: readonly number[] | null;
  /** The training's whole configuration; null where the weights come from elsewhere. */
  readonly config: Readonly<Record<string, unknown>> | null;
  /** SHA-256 of the training data's file names, sizes and labels; null where not known. */
  readonly dataFingerprint: string | null;
  /** Macro F1 over all classes on the validation images, with its 95 % interval; null where not measured. */
  readonly validation: ValidationScore | null;
}

export interface ValidationScore {
  readonly images: number;
  readonly macroF1: number;
  readonly low: number;
  readonly high: number;
}

const PREFIX = 'evenhand.';

/** The metadata as entries for an ONNX file. */
export function metadataEntries(metadata: ModelMetadata): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [PREFIX + name, JSON.stringify(value)]));
}

/** Numbers of fields in onnx.proto, `ModelProto` and `StringStringEntryProto`. */
const FIELD = { irVersion: 1, graph: 7, metadata: 14, key: 1, value: 2 };

/** The wire type of strings, bytes and messages, whose length stands before them. */
const BYTES = 2;

/**
 * The entries of an ONNX file's `metadata_props`.
 *
 * @param name how messages call the file
 * @throws ModelError where the bytes are no ONNX file
 */
export function readEntries(bytes: Uint8Array, name: string): Map<string, string> {
  const entries = new Map<string, string>();
  const seen = new Set<number>();
  try {
    new PbfReader(bytes).readFields((field, _, pbf) => {
      seen.add(field);
      // A file that ends inside a field, such as its graph, would be passed over silently.
      if (pbf.type === BYTES && pbf.pos + peekLength(pbf) > bytes.length) throw new RangeError('it ends too soon');
      if (field !== FIELD.metadata) return;
      const entry = pbf.readMessage(readEntry, { key: '', value: '' });
      entries.set(entry.key, entry.value);
    }, undefined);
  } catch (error) {
    throw new ModelError(`${name}: ${notOnnx(bytes, seen, error)}`);
  }
  if (!seen.has(FIELD.graph)) throw new ModelError(`${name}: ${notOnnx(bytes, seen)}`);
  return entries;
}

function peekLength(pbf: PbfReader): number {
  const { pos } = pbf;
  const length = pbf.readVarint();
  const header = pbf.pos - pos;
  pbf.pos = pos;
  return header + length;
}

function readEntry(field: number, entry: { key: string; value: string }, pbf: PbfReader): void {
  if (field === FIELD.key) entry.key = pbf.readString();
  if (field === FIELD.value) entry.value = pbf.readString();
}

function notOnnx(bytes: Uint8Array, seen: ReadonlySet<number>, error?: unknown): string {
  if (bytes.length === 0) return 'the file is empty (0 bytes); copy it again.';
  if (seen.has(FIELD.irVersion) && seen.has(FIELD.graph) && error !== undefined) {
    return 'the ONNX file is damaged or cut short; copy or export it again.';
  }
  return 'it is not an ONNX file; make one with evenhand export.';
}

/**
 * The metadata that an ONNX file has of ours, undefined where it has none.
 *
 * @param name how messages call the file
 * @throws ModelError where the bytes are no ONNX file, or what stands there is not what was written
 */
export function readMetadata(bytes: Uint8Array, name = 'The model'): ModelMetadata | undefined {
  const entries = readEntries(bytes, name);
  if (!entries.has(`${PREFIX}classes`)) return undefined;
  const value = (key: string): unknown => {
    const text = entries.get(PREFIX + key);
    if (text === undefined) return null;
    try {
      return JSON.parse(text);
    } catch {
      throw new ModelError(`${name}: its metadata ${PREFIX}${key} is no JSON; export the model again.`);
    }
  };
  const wrong = (key: string, expected: string): ModelError =>
    new ModelError(`${name}: its metadata ${PREFIX}${key} is not ${expected}; export the model again.`);

  const classes = value('classes');
  if (!isList(classes, (each) => typeof each === 'string') || classes.length === 0)
    throw wrong('classes', 'class names');
  const numbers = (list: unknown): list is number[] =>
    isList(list, (each) => Number.isFinite(each)) && (list as number[]).length === classes.length;
  const classCounts = value('classCounts');
  if (classCounts !== null && !numbers(classCounts)) throw wrong('classCounts', 'a number a class');
  const decision = (value('decision') ?? MOST_PROBABLE) as DecisionRule;
  const { temperature, scale = null, offset = null } = decision;
  const divides = Number.isFinite(temperature) && temperature > 0;
  if (!divides || (scale !== null && !numbers(scale)) || (offset !== null && !numbers(offset))) {
    throw wrong('decision', 'a temperature above 0 with a scale and an offset a class');
  }
  let preset: Preset;
  try {
    preset = validatePreset(value('preset'));
  } catch (error) {
    throw new ModelError(`${name}: its metadata is wrong: ${(error as Error).message}`, { cause: error });
  }
  return {
    version: String(value('version') ?? 'unknown'),
    model: String(value('model') ?? 'unknown'),
    classes: classes as string[],
    preset,
    decision: { temperature, scale, offset },
    classCounts,
    config: value('config') as ModelMetadata['config'],
    dataFingerprint: value('dataFingerprint') as string | null,
    validation: value('validation') as ValidationScore | null,
  };
}

function isList(value: unknown, accepts: (each: unknown) => boolean): value is unknown[] {
  return Array.isArray(value) && value.every(accepts);
}

export interface GivenMetadata {
  /** Class names in the order of the logits; the model's own where left out. */
  readonly labels?: readonly string[] | undefined;
  /** The model's own where left out. */
  readonly preset?: Preset | undefined;
}

/**
 * The metadata of a model file, with what was given in place of its own.
 *
 * @throws ModelError where it has none of ours and labels or preset are not given
 */
export function metadataOf(bytes: Uint8Array, name: string, { labels, preset }: GivenMetadata): ModelMetadata {
  const found = readMetadata(bytes, name);
  if (found === undefined) {
    if (labels === undefined || preset === undefined) {
      throw new ModelError(
        `${name}: it was not written by evenhand and says neither its class names nor its preset: give both (--labels FILE ` +
          'with a name a line, --preset FILE with JSON).',
      );
    }
    const unknown = { version: 'unknown', model: 'unknown', config: null, dataFingerprint: null, validation: null };
    return { ...unknown, classes: labels, preset, decision: MOST_PROBABLE, classCounts: null };
  }
  if (labels !== undefined && labels.length !== found.classes.length) {
    throw new ModelError(`${name}: it has ${found.classes.length} classes, and ${labels.length} labels are given.`);
  }
  return { ...found, classes: labels ?? found.classes, preset: preset ?? found.preset };
}

/** The class of which training saw most images; the first one where that is not known. */
export function mostFrequentClass({ classes, classCounts }: ModelMetadata): string {
  if (classCounts === null) return classes[0]!;
  return classes[classCounts.indexOf(Math.max(...classCounts))]!;
}
