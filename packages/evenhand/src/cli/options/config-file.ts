import { readFileSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { parse } from 'yaml';
import { printable } from '../../printable.js';
import { systemReason, UsageError } from '../output/errors.js';

// Warnings about unknown tags would repeat what the file holds.
const parseYaml = (text: string): unknown => parse(text, { logLevel: 'error' });

const parsers: Readonly<Record<string, (text: string) => unknown>> = {
  '.toml': parseToml,
  '.yaml': parseYaml,
  '.yml': parseYaml,
  '.json': JSON.parse,
};

/** A configuration has a few dozen keys: a larger or deeper file is something else, and takes a parser too long. */
const MOST_BYTES = 32_000;
const MOST_LEVELS = 50;

/**
 * The keys and values of a TOML, YAML or JSON file. Its extension decides which.
 *
 * @throws UsageError if the file cannot be read or parsed
 */
export function readConfigFile(path: string): Record<string, unknown> {
  const extension = extname(path).toLowerCase();
  const parser = Object.hasOwn(parsers, extension) ? parsers[extension] : undefined;
  if (parser === undefined) {
    throw new UsageError(`${path}: expected a file that ends in ${Object.keys(parsers).join(', ')}`);
  }
  const value = parseText(path, parser, readText(path));
  // An empty YAML file is null.
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new UsageError(
      `${path}: expected keys and values, such as ${extension === '.toml' ? 'epochs = 5' : 'epochs: 5'}`,
    );
  }
  return value as Record<string, unknown>;
}

function readText(path: string): string {
  try {
    const stats = statSync(path);
    // Reading a named pipe or a device might never end.
    if (!stats.isFile()) throw new UsageError(`${path}: must be a regular file`);
    if (stats.size > MOST_BYTES) {
      const size = `${Math.ceil(stats.size / 1000).toLocaleString('en')} kB`;
      throw new UsageError(
        `${path}: is too large for a configuration: ${size}, and at most ${MOST_BYTES / 1000} kB are read`,
      );
    }
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : `cannot be read: ${systemReason(error) ?? message}`;
    throw new UsageError(`${path}: ${reason}`, { cause: error });
  }
}

function parseText(path: string, parser: (text: string) => unknown, text: string): unknown {
  if (levelsOf(text) > MOST_LEVELS) throw new UsageError(`${path}: is nested too deeply for a configuration`);
  try {
    return parser(text);
  } catch (error) {
    // The parsers show the place in further lines.
    const message = printable((error as Error).message.split('\n', 1)[0]!.replace(/:$/, ''));
    const line = lineOf(error);
    const where = line === undefined || /\bline \d/.test(message) ? '' : `, line ${line}`;
    throw new UsageError(`${path}${where}: ${message}`, { cause: error });
  }
}

/** How deep the brackets of a text are nested, whatever it means; strings included. */
function levelsOf(text: string): number {
  let level = 0;
  let deepest = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    level += bracket === '[' || bracket === '{' ? 1 : -1;
    deepest = Math.max(deepest, level);
  }
  return deepest;
}

/** smol-toml's errors have a line; the others contain it in their message. */
function lineOf(error: unknown): number | undefined {
  const { line } = error as { line?: unknown };
  return typeof line === 'number' ? line : undefined;
}
