import { parseArgs } from 'node:util';
import { describeValue, printable } from '../../printable.js';
import { UsageError } from '../output/errors.js';
import { hintFor } from './flag-names.js';

/** A flag of a command, and its help. */
export interface Flag {
  /** Without the dashes. */
  readonly name: string;
  /** Whether the flag takes no value: given alone it means true. */
  readonly boolean: boolean;
  /** The placeholder of the value in the help, such as `FILE`. */
  readonly value?: string;
  readonly doc: string;
  /** Heading in the help. */
  readonly group?: string;
}

/** For commands that write CSV files: see `csv`. */
export const csvSafeFlag: Flag = {
  name: 'csv-safe',
  boolean: true,
  group: 'Output',
  doc: 'escape names that a spreadsheet would run as formulas (=, +, -, @, tab) with an apostrophe',
};

export interface Parsed {
  readonly positionals: readonly string[];
  /** The text of each flag on the command line; `true` or `false` for flags without a value. */
  readonly flags: ReadonlyMap<string, string>;
}

/** Flags of every command. */
export const commonFlags: readonly Flag[] = [
  { name: 'debug', boolean: true, doc: 'show a stack trace for errors' },
  { name: 'help', boolean: true, doc: 'show this help' },
];

/**
 * Parses the arguments of a command.
 *
 * @throws UsageError for an unknown flag (with the likely spelling), a flag without its value, and a flag given twice
 */
export function parseFlags(command: string, args: readonly string[], commandFlags: readonly Flag[]): Parsed {
  const flags = new Map<string, string>();
  const byName = new Map([...commandFlags, ...commonFlags].map((flag) => [flag.name, flag]));
  const options: Record<string, { type: 'boolean' | 'string'; short?: string }> = {};
  for (const { name, boolean } of byName.values()) options[name] = { type: boolean ? 'boolean' : 'string' };
  options.help = { type: 'boolean', short: 'h' };
  const { tokens, positionals } = parseArgs({
    args: [...args],
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, value } = token;
    const flag = byName.get(name);
    if (flag === undefined) {
      throw new UsageError(`Unknown flag ${printable(token.rawName)}; ${hintFor(name, command, [...byName.keys()])}`);
    }
    if (flags.has(name))
      throw new UsageError(`--${name} is given twice; give it once, with commas between several values`);
    if (flag.boolean) {
      if (value !== undefined && value !== 'true' && value !== 'false') {
        throw new UsageError(`--${name} takes no value, or true or false, got ${describeValue(value)}`);
      }
      flags.set(name, value ?? 'true');
    } else {
      // Without an equals sign, only what begins with two dashes is taken as the next flag: -1 is a value.
      if (value === undefined || (!token.inlineValue && value.startsWith('--'))) {
        throw new UsageError(`--${name} needs a value: --${name} ${flag.value ?? 'VALUE'}`);
      }
      flags.set(name, value);
    }
  }
  return { positionals, flags };
}

/** The positional arguments, exactly `names.length` of them. Throws `UsageError` if there are fewer or more. */
export function expectPositionals(command: string, { positionals }: Parsed, names: readonly string[]): string[] {
  const usage = `evenhand ${[command, ...names].join(' ')}`;
  const missing = names[positionals.length];
  if (missing !== undefined) throw new UsageError(`${missing} is missing; usage: ${usage}`);
  const extra = positionals[names.length];
  if (extra !== undefined) throw new UsageError(`Unexpected argument ${describeValue(extra)}; usage: ${usage}`);
  return [...positionals];
}

/** The value of a flag that is a whole number of at least `least`; undefined if it is not given. */
export function readWholeNumber(flags: Parsed['flags'], name: string, least = 1): number | undefined {
  const text = flags.get(name);
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text) && Number(text) >= least && Number.isSafeInteger(Number(text))) return Number(text);
  throw new UsageError(`--${name} must be a whole number of at least ${least}, got ${describeValue(text)}`);
}

/** Below which probability a page or a server calls a prediction unsure. */
export function readUnsureBelow(flags: Parsed['flags']): number {
  const text = flags.get('unsure-below') ?? '0.5';
  const probability = Number(text);
  if (text.trim() !== '' && probability >= 0 && probability <= 1) return probability;
  throw new UsageError(`--unsure-below must be a probability from 0 to 1, got ${describeValue(text)}`);
}
