import { relative, resolve } from 'node:path';
import { ConfigError } from './field.js';
import {
  type Config,
  DATA_FILES,
  type FieldName,
  fieldNames,
  fields,
  fieldsOfGroup,
  mapPaths,
  type RunConfig,
} from './fields.js';

/** What may change while a run is resumed, apart from the place of its data: learning rates, clipping and the machine. */
const CHANGEABLE: readonly FieldName[] = [
  ...(['headPhaseRate', 'backboneRate', 'headRate', 'clipNorm'] as const),
  ...fieldsOfGroup('Machine').filter((name) => name !== 'seed'),
];

export interface ResumeChanges {
  readonly config: RunConfig;
  /** One sentence per change, for the log; empty if nothing changes. */
  readonly notes: readonly string[];
}

/**
 * The configuration with which a run continues. Batches may become smaller or larger if accumulation keeps their product. If `changes.data` names the new place of data that has moved, the other
 * files inside the old place move with it.
 *
 * @throws ConfigError for a field that cannot change during a run
 */
export function changeOnResume(config: RunConfig, changes: Partial<Config>): ResumeChanges {
  const isLocation = (name: FieldName): boolean =>
    fields[name].group === DATA_FILES && fields[name].isPath !== undefined;
  const { batchSize = config.batchSize, accumulate = config.accumulate } = changes;
  const effective = config.batchSize * config.accumulate;
  const mayChange = (name: FieldName): boolean =>
    CHANGEABLE.includes(name) ||
    isLocation(name) ||
    (['batchSize', 'accumulate'].includes(name) && Number(batchSize) * accumulate === effective);
  const fixed = (Object.keys(changes) as FieldName[]).find((name) => !mayChange(name));
  if (fixed !== undefined) {
    const allowed = ['data', ...CHANGEABLE].join(', ');
    throw new ConfigError(
      `${fixed} cannot change when a run is resumed; only these can: ${allowed}, and batchSize with accumulate if their product remains ${effective}`,
    );
  }
  const moved = changes.data === undefined ? config : moveData(config, changes.data);
  const changed: RunConfig = { ...moved, ...changes, batchSize: Number(batchSize) };
  const notes = fieldNames
    .filter((name) => String(changed[name]) !== String(config[name]))
    .map((name) => `Changed on resume: ${name} from ${String(config[name])} to ${String(changed[name])}.`);
  return { config: changed, notes };
}

/** The settings of `wanted` that differ from those of a run; one that is left to be chosen does not. */
export function changedSettings(config: RunConfig, wanted: Config): Partial<Config> {
  const chosen = (name: FieldName): boolean =>
    wanted[name] === 'auto' || (name === 'accumulate' && wanted.batchSize === 'auto');
  const changed = fieldNames.filter((name) => !chosen(name) && String(wanted[name]) !== String(config[name]));
  return Object.fromEntries(changed.map((name) => [name, wanted[name]]));
}

function moveData(config: RunConfig, data: string): RunConfig {
  return mapPaths(config, (path, name) => {
    const inside = relative(config.data, path);
    const isOfData = fields[name].group === DATA_FILES && !inside.startsWith('..');
    return isOfData ? resolve(data, inside) : path;
  });
}
