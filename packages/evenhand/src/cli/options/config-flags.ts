import { type Config, type ConfigLayer, fields, flagName, recipes, resolveConfig } from '../../train/index.js';
import { UsageError } from '../output/errors.js';
import { readConfigFile } from './config-file.js';
import type { Flag, Parsed } from './flags.js';

type Name = keyof Config;

/** Where the fields of each part begin, in their order. */
const groups: Partial<Record<Name, string>> = {
  images: 'Data',
  model: 'Model',
  cropScale: 'Images in training',
  balance: 'Class balance',
  loss: 'Loss and mixing',
  labelNoise: 'Wrong labels',
  headEpochs: 'Phase 1: the head, on frozen features',
  epochs: 'Phase 2: the whole network',
  seed: 'Machine',
};

/** Every field of the configuration but `data` as a flag, grouped for the help. */
export const configFlags: readonly Flag[] = flagsOfFields();

function flagsOfFields(): Flag[] {
  let group = '';
  const flags: Flag[] = [];
  for (const name of Object.keys(fields) as Name[]) {
    if (name === 'data') continue;
    group = groups[name] ?? group;
    const { boolean, doc, expects } = fields[name];
    const initial: unknown = fields[name].default;
    const fallback = [initial]
      .flat()
      .map((each) => (typeof each === 'number' ? Number(each.toPrecision(4)) : each))
      .join(',');
    const wanted = boolean ? '' : `: ${expects}`;
    const initially = boolean || fallback === '' ? '' : ` [${fallback}]`;
    flags.push({ name: flagName(name), boolean, doc: `${asFlags(doc)}${wanted}${initially}`, group });
  }
  return flags;
}

/** Fields that a doc names, as the flags that the reader of the help can give. */
function asFlags(doc: string): string {
  return doc.replace(/\b[a-z]+[A-Z]\w*\b/g, (word) => (Object.hasOwn(fields, word) ? `--${flagName(word)}` : word));
}

/** Flags that say how DATA is to be read. */
const reading = ['images', 'valCsv', 'valImages', 'filenameColumn', 'labelColumn', 'labelList'] as const;
const readingNames: readonly string[] = reading.map(flagName);
export const readFlags: readonly Flag[] = configFlags.filter(({ name }) => readingNames.includes(name));

/** What the flags of `readFlags` that were given say, for `readDataset`. */
export function readOptionsOf({ flags }: Parsed): Partial<Record<(typeof reading)[number], string>> {
  return Object.fromEntries(
    reading.flatMap((name) => {
      const text = flags.get(flagName(name));
      return text === undefined ? [] : [[name, text]];
    }),
  );
}

/**
 * The settings among `names` that were given as flags.
 *
 * @throws UsageError for a value that its setting does not allow
 */
export function settingsOf({ flags }: Parsed, names: readonly Name[]): Partial<Config> {
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const text = flags.get(flagName(name));
    if (text === undefined) continue;
    const field = fields[name];
    const value = field.fromText(text);
    if (field.accept(value) === undefined) {
      throw new UsageError(`--${flagName(name)} must be ${field.expects}, got ${JSON.stringify(text)}`);
    }
    values[name] = value;
  }
  return values;
}

export interface Resolved {
  readonly recipe: string;
  readonly config: Config;
}

/**
 * The configuration that a command line describes: the recipe, on it `--config FILE`, on it the flags.
 *
 * @param data DATA of the command line, where given
 * @throws UsageError, ConfigError
 */
export function configOf(parsed: Parsed, data: string | undefined): Resolved {
  const { flags } = parsed;
  const layers: ConfigLayer[] = [];
  let recipe = 'competition';
  const file = flags.get('config');
  if (file !== undefined) {
    const { recipe: named = recipe, ...values } = readConfigFile(file);
    if (typeof named !== 'string') {
      throw new UsageError(
        `${file}: recipe must be one of ${Object.keys(recipes).join(', ')}, got ${JSON.stringify(named)}`,
      );
    }
    recipe = named;
    layers.push({ source: file, values });
  }
  recipe = flags.get('recipe') ?? recipe;
  const values: Record<string, unknown> = data === undefined ? {} : { data };
  Object.assign(values, settingsOf(parsed, Object.keys(fields) as Name[]));
  layers.push({ source: 'the command line', values });
  return { recipe, config: resolveConfig(recipe, layers) };
}
