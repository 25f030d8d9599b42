import { parseDuration } from '../../duration.js';
import { printable } from '../../printable.js';
import { suggest } from '../../suggest.js';

/** A mistake in a configuration, a flag or the name of a recipe: one sentence for the user. */
export class ConfigError extends Error {
  readonly code = 'EVENHAND_CONFIG';
}

/** One value of a configuration: its default, what it allows, and what it does. */
export interface Field<T> {
  readonly default: T;
  /** The allowed values, as in `a number from 0 to 1`. */
  readonly expects: string;
  /** One line for the help. */
  readonly doc: string;
  /** The placeholder of its value in the help, such as `N` or `FILE`; empty for a switch. */
  readonly placeholder: string;
  /** Whether a value of it is the path of a file or folder; undefined if none is. */
  readonly isPath?: (value: string) => boolean;
  /** The allowed values as JSON Schema. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** The value if it is allowed, else undefined. */
  accept(value: unknown): T | undefined;
  /** The value that a flag's text stands for; `accept` decides whether it is allowed. */
  fromText(text: string): unknown;
}

export interface Range {
  readonly min?: number;
  readonly max?: number;
  /** Whether `max` itself is not allowed. */
  readonly below?: boolean;
  readonly whole?: boolean;
}

/** Infinity is refused because JSON cannot hold it, and so are whole numbers too large to be exact. */
function inRange({ min = -Number.MAX_VALUE, max = Number.MAX_VALUE, below, whole }: Range, x: unknown): boolean {
  if (typeof x !== 'number' || (whole && !Number.isSafeInteger(x))) return false;
  return x >= min && (below ? x < max : x <= max);
}

function describe({ min, max, below, whole }: Range): string {
  const kind = whole ? 'a whole number' : 'a number';
  if (max === undefined) return min === undefined ? kind : `${kind} of at least ${min}`;
  return below ? `${kind} from ${min} to below ${max}` : `${kind} from ${min} to ${max}`;
}

const toNumber = (text: string) => (text.trim() === '' ? Number.NaN : Number(text));

const rangeSchema = ({ min, max, below, whole }: Range): Record<string, unknown> => ({
  type: whole ? 'integer' : 'number',
  ...(min === undefined ? {} : { minimum: min }),
  ...(max === undefined ? {} : { [below ? 'exclusiveMaximum' : 'maximum']: max }),
});

export function number(fallback: number, range: Range, doc: string): Field<number> {
  return {
    default: fallback,
    expects: describe(range),
    doc,
    placeholder: range.whole ? 'N' : 'X',
    schema: rangeSchema(range),
    accept: (value) => (inRange(range, value) ? (value as number) : undefined),
    fromText: toNumber,
  };
}

/** A number, or a word. */
export function numberOr<const W extends string>(
  word: W,
  fallback: number | NoInfer<W>,
  range: Range,
  doc: string,
): Field<number | W> {
  return {
    default: fallback,
    expects: `${word} or ${describe(range)}`,
    doc,
    placeholder: range.whole ? 'N' : 'X',
    schema: { anyOf: [{ enum: [word] }, rangeSchema(range)] },
    accept: (value) => (value === word || inRange(range, value) ? (value as number | W) : undefined),
    fromText: (text) => (text === word ? text : toNumber(text)),
  };
}

/** A number, or the word `auto`. */
export const numberOrAuto = (fallback: number | 'auto', range: Range, doc: string): Field<number | 'auto'> =>
  numberOr('auto', fallback, range, doc);

/** Two numbers, the smaller one first. */
export function numberPair(
  fallback: readonly [number, number],
  range: Range,
  doc: string,
): Field<readonly [number, number]> {
  return {
    default: fallback,
    expects: `two numbers, the smaller first, each ${describe(range)}`,
    doc,
    placeholder: 'MIN,MAX',
    schema: { type: 'array', items: rangeSchema(range), minItems: 2, maxItems: 2 },
    accept: (value) =>
      Array.isArray(value) && value.length === 2 && value.every((x) => inRange(range, x)) && value[0] <= value[1]
        ? [value[0], value[1]]
        : undefined,
    fromText: (text) => text.split(',').map(toNumber),
  };
}

/** True or false. */
export function toggle(fallback: boolean, doc: string): Field<boolean> {
  return {
    default: fallback,
    expects: 'true or false',
    doc,
    placeholder: '',
    schema: { type: 'boolean' },
    accept: (value) => (typeof value === 'boolean' ? value : undefined),
    fromText: (text) => (text === 'true' ? true : text === 'false' ? false : text),
  };
}

const SWITCH: ReadonlyMap<unknown, 'auto' | 'on' | 'off'> = new Map<unknown, 'auto' | 'on' | 'off'>([
  ['auto', 'auto'],
  ['on', 'on'],
  [true, 'on'],
  ['true', 'on'],
  ['off', 'off'],
  [false, 'off'],
  ['false', 'off'],
]);

/** A switch that the machine decides unless it is set. True and false stand for on and off. */
export function switchOrAuto(doc: string): Field<'auto' | 'on' | 'off'> {
  return {
    default: 'auto',
    expects: 'auto, on or off',
    doc,
    placeholder: '',
    schema: { enum: ['auto', 'on', 'off', true, false] },
    accept: (value) => (typeof value === 'string' && /^(true|false)$/.test(value) ? undefined : SWITCH.get(value)),
    fromText: (text) => SWITCH.get(text) ?? text,
  };
}

export function text(fallback: string, placeholder: string, expects: string, doc: string): Field<string> {
  return {
    default: fallback,
    expects,
    doc,
    placeholder,
    schema: { type: 'string' },
    accept: (value) => (typeof value === 'string' ? value : undefined),
    fromText: (text) => text,
  };
}

/** A time such as `20m`; the empty string if none is given. */
export function duration(doc: string): Field<string> {
  return {
    ...text('', 'TIME', 'a time such as 20m, 90s or 1h30m', doc),
    schema: { type: 'string', pattern: '^([0-9]+h)?([0-9]+m)?([0-9]+(\\.[0-9]+)?s)?$' },
    accept: (value) =>
      value === '' || (typeof value === 'string' && parseDuration(value) !== undefined) ? value : undefined,
  };
}

/** A file or folder; the empty string if none is given. */
export function path(placeholder: 'DIR' | 'FILE' | 'PATH', expects: string, doc: string): Field<string> {
  return { ...text('', placeholder, expects, doc), isPath: (value) => value !== '' };
}

/** A file, or one of `keywords`. */
export function pathOr(keywords: readonly [string, ...string[]], expects: string, doc: string): Field<string> {
  return { ...text(keywords[0], 'FILE', expects, doc), isPath: (value) => value !== '' && !keywords.includes(value) };
}

export function choice<const T extends string>(values: readonly T[], fallback: NoInfer<T>, doc: string): Field<T> {
  return {
    default: fallback,
    expects: `one of ${values.join(', ')}`,
    doc,
    placeholder: 'NAME',
    schema: { enum: values },
    accept: (value) => values.find((allowed) => allowed === value),
    fromText: (text) => text,
  };
}

/** One or more of `values`, without repetition. */
export function choices<const T extends string>(
  values: readonly T[],
  fallback: readonly NoInfer<T>[],
  doc: string,
): Field<readonly T[]> {
  const isAllowed = (name: unknown): name is T => values.some((value) => value === name);
  return {
    default: fallback,
    expects: `one or more of ${values.join(', ')}`,
    doc,
    placeholder: 'NAME[,NAME]',
    schema: {
      anyOf: [{ enum: values }, { type: 'array', items: { enum: values }, minItems: 1, uniqueItems: true }],
    },
    accept: (value) => {
      const list = typeof value === 'string' ? [value] : value;
      if (!Array.isArray(list) || list.length === 0 || new Set(list).size !== list.length) return undefined;
      return list.every(isAllowed) ? list : undefined;
    },
    fromText: (text) => text.split(',').map((name) => name.trim()),
  };
}

/** `headEpochs` as the flag `head-epochs`. */
export const flagName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The error for an unknown name, with the likely spelling. */
export function unknownName(kind: string, name: string, allowed: readonly string[]): ConfigError {
  const likely = suggest(name, allowed);
  const hint = likely === undefined ? `expected one of ${allowed.join(', ')}` : `did you mean ${likely}?`;
  return new ConfigError(`Unknown ${kind} ${printable(name)}: ${hint}`);
}
