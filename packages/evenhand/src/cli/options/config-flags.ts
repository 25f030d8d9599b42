import type { ReadOptions } from '../../data/index.js';
import { describeValue } from '../../printable.js';
import {
  type Config,
  ConfigError,
  type ConfigLayer,
  chooseRecipe,
  DATA_FILES,
  type FieldName,
  fieldNames,
  fields,
  fieldsOfGroup,
  findSpec,
  flagName,
  modelNameOf,
  recipes,
  requireGrowth,
  resolveConfig,
} from '../../train/index.js';
import { UsageError } from '../output/errors.js';
import { settingsAsFlags } from '../output/settings-as-flags.js';
import { readConfigFile } from './config-file.js';
import type { Flag, Parsed } from './flags.js';

/** Every field of the configuration but `data` as a flag, grouped for the help. */
export const configFlags: readonly Flag[] = fieldNames.filter((name) => name !== 'data').map(flagOf);

function flagOf(name: FieldName): Flag {
  const { doc, group, placeholder, default: value } = fields[name];
  const isSwitch = placeholder === '';
  const shown = [value].flat().map((x) => (typeof x === 'number' ? Number(x.toPrecision(4)) : x));
  const byDefault = isSwitch || shown.join('') === '' ? '' : ` [${shown.join(',')}]`;
  return {
    name: flagName(name),
    boolean: isSwitch,
    value: placeholder,
    doc: `${settingsAsFlags(doc)}${choicesOf(name)}${byDefault}`,
    group,
  };
}

/** The allowed names, unless the doc says them. */
function choicesOf(name: FieldName): string {
  const { doc, expects, placeholder } = fields[name];
  const names = expects.replace(/^one (or more )?of /, '');
  const isListed = names.split(', ').every((choice) => doc.includes(choice));
  return placeholder.startsWith('NAME') && names !== expects && !isListed ? `: ${names}` : '';
}

/** Flags that say how DATA is read. */
export const readFlags: readonly Flag[] = configFlags.filter(({ group }) => group === DATA_FILES);

/**
 * The values of those flags of `readFlags` that were given, for `readDataset`.
 *
 * @throws UsageError for a value that the field does not allow
 */
export function readOptionsOf(parsed: Parsed): ReadOptions {
  return settingsOf(parsed, fieldsOfGroup(DATA_FILES));
}

/**
 * The fields among `names` that were given as flags.
 *
 * @throws UsageError for a value that the field does not allow
 */
export function settingsOf({ flags }: Parsed, names: readonly FieldName[]): Partial<Config> {
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const text = flags.get(flagName(name));
    if (text === undefined) continue;
    const field = fields[name];
    const value = field.fromText(text);
    if (field.accept(value) === undefined) {
      throw new UsageError(`--${flagName(name)} must be ${field.expects}, got ${describeValue(text)}`);
    }
    values[name] = value;
  }
  return values;
}

export interface Resolved {
  readonly recipe: string;
  /** Why the recipe `auto` is this one, in brackets; empty if it was named. */
  readonly reason: string;
  readonly config: Config;
}

/**
 * The configuration of a command line: the recipe, overridden by `--config FILE`, overridden by the flags.
 *
 * @param data DATA of the command line, if any
 * @throws UsageError, ConfigError
 */
export async function configOf(parsed: Parsed, data: string | undefined): Promise<Resolved> {
  const { flags } = parsed;
  const layers: ConfigLayer[] = [];
  let recipe = 'auto';
  const file = flags.get('config');
  if (file !== undefined) {
    const { recipe: named = recipe, ...values } = readConfigFile(file);
    if (typeof named !== 'string') {
      throw new UsageError(
        `${file}: recipe must be one of ${Object.keys(recipes).join(', ')}, got ${describeValue(named)}`,
      );
    }
    recipe = named;
    layers.push({ source: file, values });
  }
  recipe = flags.get('recipe') ?? recipe;
  const values: Record<string, unknown> = data === undefined ? {} : { data };
  Object.assign(values, settingsOf(parsed, fieldNames));
  layers.push({ source: 'the command line', values });
  try {
    let reason = '';
    if (recipe === 'auto') {
      const device = layers.findLast((layer) => Object.hasOwn(layer.values, 'device'))?.values.device ?? 'auto';
      const choice = chooseRecipe(String(device));
      recipe = choice.recipe;
      reason = ` (${choice.reason}; evenhand recipes lists the others)`;
    }
    const spec = await findSpec(modelNameOf(recipe, layers));
    const config = resolveConfig(recipe, layers, spec.architecture);
    requireGrowth(spec, config);
    return { recipe, reason, config };
  } catch (error) {
    // What is wrong in a file is named as in the file, all else as it is typed.
    if (!(error instanceof ConfigError) || (file !== undefined && error.message.includes(file))) throw error;
    throw new ConfigError(settingsAsFlags(error.message), { cause: error });
  }
}
