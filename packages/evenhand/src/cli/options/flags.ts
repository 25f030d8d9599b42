import { parseArgs } from 'node:util';
import { suggest } from '../../suggest.js';
import { UsageError } from '../output/errors.js';

/** A flag of a command: how it is written, and what help says of it. */
export interface Flag {
  /** Without the dashes. */
  readonly name: string;
  /** Whether the flag alone means true; else a value follows. */
  readonly boolean: boolean;
  /** What the value is, one word for the help, such as `FILE`. */
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
  doc: 'for spreadsheets: put an apostrophe before names that begin with =, +, -, @ or a tab, which they run as formulas',
};

export interface Parsed {
  readonly positionals: readonly string[];
  /** Text of each flag given; `true` or `false` of those without a value. */
  readonly flags: ReadonlyMap<string, string>;
}

/** Flags that every command has. */
export const commonFlags: readonly Flag[] = [
  { name: 'debug', boolean: true, doc: 'show where an error arose' },
  { name: 'help', boolean: true, doc: 'show this help' },
];

/**
 * Splits a command's arguments.
 *
 * @throws UsageError, a sentence, for an unknown flag (with the likely spelling), a flag without its value, and one that
 * is given twice
 */
export function parseFlags(command: string, args: readonly string[], known: readonly Flag[]): Parsed {
  const flags = new Map<string, string>();
  const byName = new Map([...known, ...commonFlags].map((flag) => [flag.name, flag]));
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
      const likely = suggest(name, byName.keys());
      const hint = likely === undefined ? `see evenhand ${command} --help` : `did you mean --${likely}?`;
      throw new UsageError(`Unknown flag ${token.rawName}: ${hint}`);
    }
    if (flags.has(name)) throw new UsageError(`--${name} is given twice: give it once, several values with commas`);
    if (flag.boolean) {
      if (value !== undefined && value !== 'true' && value !== 'false') {
        throw new UsageError(`--${name} stands alone or is true or false, got ${JSON.stringify(value)}`);
      }
      flags.set(name, value ?? 'true');
    } else {
      // What follows is taken as the value even where it is the next flag, so that negative numbers can be given.
      if (value === undefined || (!token.inlineValue && value.startsWith('--'))) {
        throw new UsageError(`--${name} needs a value: --${name} ${flag.value ?? 'VALUE'}`);
      }
      flags.set(name, value);
    }
  }
  return { positionals, flags };
}

/** The positional arguments, exactly `names.length` of them. Throws `UsageError` where one lacks or is too much. */
export function expectPositionals(command: string, { positionals }: Parsed, names: readonly string[]): string[] {
  const usage = `evenhand ${[command, ...names].join(' ')}`;
  const missing = names[positionals.length];
  if (missing !== undefined) throw new UsageError(`${missing} is missing: ${usage}`);
  const extra = positionals[names.length];
  if (extra !== undefined) throw new UsageError(`Unexpected ${JSON.stringify(extra)}: expected ${usage}`);
  return [...positionals];
}
