import { type Preset, validatePreset } from '@evenhand/predict';
import { describeValue } from '../printable.js';
import { POOLS } from './family.js';
import type { License, ModelSpec } from './spec.js';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Checks a spec that was read from a file and returns a copy of its fields.
 *
 * @param file how messages call the file
 * @throws TypeError of one sentence with the field, what was expected and what was found
 */
export function parseModelSpec(value: Fields, file: string): ModelSpec {
  const fail = (key: string, expected: string, found: unknown): never => {
    throw new TypeError(`${file}: ${key} must be ${expected}, got ${describeValue(found)}`);
  };
  const text = (fields: Fields, key: string): string => {
    const found = fields[key];
    return typeof found === 'string' && found !== '' ? found : fail(key, 'text', found);
  };
  const texts = (fields: Fields, key: string): string[] => {
    const found = fields[key];
    const isList = Array.isArray(found) && found.every((each) => typeof each === 'string');
    return isList ? found : fail(key, 'a list of texts', found);
  };
  const object = (key: string): Fields => {
    const found = value[key];
    const isObject = typeof found === 'object' && found !== null && !Array.isArray(found);
    return isObject ? (found as Fields) : fail(key, 'an object', found);
  };
  const optionalNumber = (key: string): number | null => {
    const found = value[key] ?? null;
    return found === null || (typeof found === 'number' && found >= 0) ? found : fail(key, 'a number', found);
  };
  const parsePreset = (): Preset => {
    try {
      return validatePreset(value.preset);
    } catch (error) {
      throw new TypeError(`${file}: ${(error as Error).message.replace(/\.$/, '')}`, { cause: error });
    }
  };
  const parseWeights = (): ModelSpec['weights'] => {
    if (typeof value.weights === 'string') return text(value, 'weights');
    const weights = object('weights');
    if ('repository' in weights) {
      const files = weights.files === undefined ? {} : { files: texts(weights, 'files') };
      return { repository: text(weights, 'repository'), revision: text(weights, 'revision'), ...files };
    }
    return { url: text(weights, 'url'), sha256: text(weights, 'sha256') };
  };
  const parseLicense = (): License | null => {
    if ((value.license ?? null) === null) return null;
    const license = object('license');
    const restriction = license.restriction === undefined ? {} : { restriction: text(license, 'restriction') };
    return { id: text(license, 'id'), ...restriction };
  };
  const parsePool = (): ModelSpec['pool'] => {
    if ((value.pool ?? null) === null) return null;
    return POOLS.find((name) => name === value.pool) ?? fail('pool', `one of ${POOLS.join(', ')}`, value.pool);
  };
  return {
    name: text(value, 'name'),
    architecture: text(value, 'architecture'),
    args: object('args'),
    pool: parsePool(),
    preset: parsePreset(),
    weights: parseWeights(),
    ...(value.classifiers === undefined ? {} : { classifiers: texts(value, 'classifiers') }),
    license: parseLicense(),
    parameters: optionalNumber('parameters'),
    gmacs: optionalNumber('gmacs'),
    pretraining: (value.pretraining ?? null) === null ? null : text(value, 'pretraining'),
  };
}
