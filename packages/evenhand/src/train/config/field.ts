import { suggest } from '../../suggest.js';

/** A mistake in a configuration, a flag or a recipe's name: one sentence for the user. */
export class ConfigError extends Error {
  readonly code = 'EVENHAND_CONFIG';
}

/** One value of a configuration: what it may be, what it is unless said otherwise, and what it does. */
export interface Field<T> {
  readonly default: T;
  /** What is allowed, as in `a number from 0 to 1`. */
  readonly expects: string;
  readonly doc: string;
  /** Whether on the command line the flag alone means true. */
  readonly boolean: boolean;
  /** The value where it is allowed, else undefined. */
  accept(value: unknown): T | undefined;
  /** What a flag's text stands for; `accept` decides whether it is allowed. */
  fromText(text: string): unknown;
}

export interface Range {
  readonly min?: number;
  readonly max?: number;
  /** Whether `max` itself is refused. */
  readonly below?: boolean;
  readonly whole?: boolean;
}

/** Infinities are refused, because JSON cannot hold them; so are whole numbers too large to be exact. */
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

export function number(fallback: number, range: Range, doc: string): Field<number> {
  return {
    default: fallback,
    expects: describe(range),
    doc,
    boolean: false,
    accept: (value) => (inRange(range, value) ? (value as number) : undefined),
    fromText: toNumber,
  };
}

export function numbers(
  fallback: readonly [number, number],
  range: Range,
  doc: string,
): Field<readonly [number, number]> {
  return {
    default: fallback,
    expects: `two numbers, the smaller first, each ${describe(range)}`,
    doc,
    boolean: false,
    accept: (value) =>
      Array.isArray(value) && value.length === 2 && value.every((x) => inRange(range, x)) && value[0] <= value[1]
        ? [value[0], value[1]]
        : undefined,
    fromText: (text) => text.split(',').map(toNumber),
  };
}

export function flag(fallback: boolean, doc: string): Field<boolean> {
  return {
    default: fallback,
    expects: 'true or false',
    doc,
    boolean: true,
    accept: (value) => (typeof value === 'boolean' ? value : undefined),
    fromText: (text) => (text === 'true' ? true : text === 'false' ? false : text),
  };
}

export function text(fallback: string, expects: string, doc: string): Field<string> {
  return {
    default: fallback,
    expects,
    doc,
    boolean: false,
    accept: (value) => (typeof value === 'string' ? value : undefined),
    fromText: (given) => given,
  };
}

export function choice<const T extends string>(values: readonly T[], fallback: NoInfer<T>, doc: string): Field<T> {
  return {
    default: fallback,
    expects: `one of ${values.join(', ')}`,
    doc,
    boolean: false,
    accept: (value) => values.find((each) => each === value),
    fromText: (given) => given,
  };
}

/** One or more of `values`, without repetition. */
export function choices<const T extends string>(
  values: readonly T[],
  fallback: readonly NoInfer<T>[],
  doc: string,
): Field<readonly T[]> {
  const allowed = (each: unknown): each is T => values.some((value) => value === each);
  return {
    default: fallback,
    expects: `one or more of ${values.join(', ')}`,
    doc,
    boolean: false,
    accept: (value) => {
      const list = typeof value === 'string' ? [value] : value;
      if (!Array.isArray(list) || list.length === 0 || new Set(list).size !== list.length) return undefined;
      return list.every(allowed) ? list : undefined;
    },
    fromText: (given) => given.split(',').map((each) => each.trim()),
  };
}

/** `headEpochs` as the flag `head-epochs`. */
export const flagName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** "Did you mean ...?" for a name that is none of `known`. */
export function unknownName(kind: string, given: string, known: readonly string[]): ConfigError {
  const likely = suggest(given, known);
  const hint = likely === undefined ? `expected one of ${known.join(', ')}` : `did you mean ${likely}?`;
  return new ConfigError(`Unknown ${kind} ${given}: ${hint}`);
}
