import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';
import { UsageError } from '../output/errors.js';

const parsers: Readonly<Record<string, (text: string) => unknown>> = {
  '.toml': parseToml,
  '.yaml': parseYaml,
  '.yml': parseYaml,
  '.json': JSON.parse,
};

/**
 * The keys and values of a TOML, YAML or JSON file; which by its ending.
 *
 * @throws UsageError, a sentence, where the file cannot be read or understood
 */
export function readConfigFile(path: string): Record<string, unknown> {
  const parse = parsers[extname(path).toLowerCase()];
  if (parse === undefined) {
    throw new UsageError(`${path}: expected a file that ends in ${Object.keys(parsers).join(', ')}`);
  }
  let text: string;
  try {
    text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(code === 'ENOENT' ? `${path}: there is no such file` : `${path}: cannot be read: ${message}`);
  }
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    // The parsers show the place in further lines.
    const message = (error as Error).message.split('\n', 1)[0]!.replace(/:$/, '');
    const line = lineOf(error);
    const where = line === undefined || /\bline \d/.test(message) ? '' : `, line ${line}`;
    throw new UsageError(`${path}${where}: ${message}`, { cause: error });
  }
  // An empty YAML file is null.
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new UsageError(
      `${path}: expected keys and values, such as ${extname(path) === '.toml' ? 'epochs = 5' : 'epochs: 5'}`,
    );
  }
  return value as Record<string, unknown>;
}

/** smol-toml's errors have a line; the others name it themselves. */
function lineOf(error: unknown): number | undefined {
  const { line } = error as { line?: unknown };
  return typeof line === 'number' ? line : undefined;
}
