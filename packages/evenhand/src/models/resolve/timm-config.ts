import type { Interpolation, Preset } from '@evenhand/predict';
import { describeValue } from '../../printable.js';
import { featurePool } from '../families/pool.js';
import { architectureNames } from '../families.js';
import type { Pool } from '../family.js';

import { licenseOf } from '../license.js';
import type { License, ModelSpec } from '../spec.js';
import { IMAGENET } from '../statistics.js';
import { WeightsError } from '../weights/weights-error.js';
import { type ConfigFields, isObject } from './config-fields.js';

/** What a configuration file says about a model. */
export type ModelConfig = Pick<ModelSpec, 'architecture' | 'args' | 'pool' | 'preset' | 'classifiers'> & {
  readonly license: License | null;
};

/** timm's default, `DEFAULT_CROP_PCT`. */
const CROP_PCT = 0.875;
const MAX_SIZE = 4096;
export const INTERPOLATIONS: readonly Interpolation[] = ['bilinear', 'bicubic'];

/**
 * What timm's `config.json` says: architecture, its arguments, preprocessing, pool, classifier, licence. Undefined if it is
 * not one of timm's, because it names no architecture.
 *
 * Source: timm `models/_hub.py`, `_parse_model_cfg`, and `data/config.py`, `resolve_data_config`.
 *
 * @throws WeightsError of one sentence that names the file and the field
 */
export function timmConfig(config: ConfigFields): ModelConfig | undefined {
  const architecture = config.text('architecture');
  if (architecture === undefined) return undefined;
  requireArchitecture(architecture, config.where);
  // Older files have one level.
  const pretrained = config.object('pretrained_cfg') ?? config;
  const { args, pool: argument } = modelArguments(config);
  const size = imageSize(pretrained, config);
  const license = pretrained.text('license') ?? config.text('license');
  return {
    architecture,
    args,
    pool: featurePool(architecture, argument ?? poolName(config.value.global_pool)),
    preset: presetOf(pretrained, size),
    classifiers: classifierNames(pretrained),
    license: licenseOf(license),
  };
}

/** @throws WeightsError that names the file, if no family has the architecture */
export function requireArchitecture(architecture: string, where: string): void {
  if (architectureNames().includes(architecture)) return;
  throw new WeightsError(
    'invalid',
    `${where}: the architecture ${describeValue(architecture)} is not supported; choose a model of another architecture (evenhand models lists them).`,
  );
}

/** A pool by timm's name; null for one that evenhand lacks, such as `avgmax`. */
export function poolName(name: unknown): Pool | null {
  if (name === 'avg' || name === 'max' || name === 'token' || name === 'map') return name;
  return name === 'fast' || name === 'fastavg' ? 'avg' : null;
}

/** The preset of a model whose images have `size` pixels on each side. */
function presetOf(fields: ConfigFields, size: number): Preset {
  const cropPct = fields.value.crop_pct === 0 ? CROP_PCT : (fields.positive('crop_pct', 1) ?? CROP_PCT);
  const cropMode = fields.choice('crop_mode', ['center', 'squash', 'border']) ?? 'center';
  return {
    resize: Math.floor(size / cropPct),
    crop: size,
    ...(cropMode === 'center' ? {} : { cropMode }),
    interpolation: fields.choice('interpolation', INTERPOLATIONS) ?? 'bicubic',
    mean: fields.channels('mean', Number.NEGATIVE_INFINITY) ?? IMAGENET.mean,
    std: fields.channels('std', 0) ?? IMAGENET.std,
  };
}

/** Height and width of the images: `img_size` of the arguments, else `input_size` [channels, height, width]. */
function imageSize(pretrained: ConfigFields, config: ConfigFields): number {
  const args = config.object('model_args');
  if (args?.has('img_size')) {
    const value = args.value.img_size;
    const [height, width] = Array.isArray(value) ? value : [value, value];
    if (!isSize(height) || height !== width) throw args.fail('img_size', `one size from 1 to ${MAX_SIZE}`);
    return height;
  }
  if (!pretrained.has('input_size')) return 224;
  const value = pretrained.value.input_size;
  const [channels, height, width]: readonly unknown[] = Array.isArray(value) && value.length === 3 ? value : [];
  if (channels !== 3 || !isSize(height) || height !== width) {
    throw pretrained.fail('input_size', `[3, size, size] with one size from 1 to ${MAX_SIZE}`);
  }
  return height;
}

const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_SIZE;

/** `model_args` without what is said elsewhere: classes, image size, channels. */
function modelArguments(config: ConfigFields): { args: Record<string, unknown>; pool: Pool | null } {
  const fields = config.object('model_args');
  if (fields === undefined) return { args: {}, pool: null };
  const { num_classes: _, img_size: __, in_chans: channels, global_pool: pool, ...args } = fields.value;
  if (channels !== undefined && channels !== null && channels !== 3) throw fields.fail('in_chans', '3');
  requireArguments(fields);
  // '' is no pool: the architecture's own does.
  if (pool !== undefined && pool !== null && pool !== '' && poolName(pool) === null) {
    throw fields.fail('global_pool', 'avg, max, token or map');
  }
  const given = Object.entries(args).filter(([, value]) => value !== null);
  // It decides where a vision transformer has its last norm, whatever the features are pooled by later.
  if (poolName(pool) !== null) given.push(['global_pool', poolName(pool)]);
  return { args: Object.fromEntries(given), pool: poolName(pool) };
}

/** @throws WeightsError if one of the fields cannot be an argument of a network */
export function requireArguments(fields: ConfigFields): void {
  for (const [name, value] of Object.entries(fields.value)) {
    if (!isArgument(value, 3)) throw fields.fail(name, 'a setting of reasonable size');
  }
}

/** Whether a value can be an argument of a network that fits into memory. */
function isArgument(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && Math.abs(value) <= 100_000;
  if (typeof value === 'string') return value.length <= 200;
  if (Array.isArray(value))
    return depth > 0 && value.length <= 200 && value.every((each) => isArgument(each, depth - 1));
  if (isObject(value)) return depth > 0 && isArgument(Object.values(value), depth);
  return true;
}

function classifierNames(fields: ConfigFields): string[] {
  if (!fields.has('classifier')) return [];
  const value = fields.value.classifier;
  const names: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (names.length > 10 || !names.every((name) => typeof name === 'string' && /^[\w.]{1,100}$/.test(name))) {
    throw fields.fail('classifier', 'the name of a layer, or a list of names');
  }
  return names as string[];
}
