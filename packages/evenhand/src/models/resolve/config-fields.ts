import { describeValue, printable } from '../../printable.js';
import { WeightsError } from '../weights/weights-error.js';

/**
 * Reads the fields of a configuration that somebody else wrote. Each reader returns undefined for a missing field or null,
 * and throws a `WeightsError` of one sentence that names the file, the field, what was expected and what was given.
 */
export class ConfigFields {
  /** @param where the file, for people; @param prefix the path to this object within the file, such as `pretrained_cfg.` */
  constructor(
    readonly where: string,
    readonly value: Readonly<Record<string, unknown>>,
    readonly prefix = '',
  ) {}

  fail(name: string, expected: string, remedy = 'correct the file or choose another model'): WeightsError {
    const given = describeValue(this.value[name]);
    return new WeightsError(
      'invalid',
      `${this.where}: ${this.prefix}${printable(name, 60)} must be ${expected}, but it is ${given}; ${remedy}.`,
    );
  }

  has(name: string): boolean {
    return this.value[name] !== undefined && this.value[name] !== null;
  }

  object(name: string): ConfigFields | undefined {
    if (!this.has(name)) return undefined;
    const value = this.value[name];
    if (!isObject(value)) throw this.fail(name, 'an object');
    return new ConfigFields(this.where, value, `${this.prefix}${name}.`);
  }

  text(name: string): string | undefined {
    if (!this.has(name)) return undefined;
    const value = this.value[name];
    if (typeof value !== 'string' || value.length > 1000) throw this.fail(name, 'a short string');
    return value;
  }

  /** One of `words`, or undefined. */
  choice<W extends string>(name: string, words: readonly W[]): W | undefined {
    if (!this.has(name)) return undefined;
    const value = this.value[name];
    const word = words.find((each) => each === value);
    if (word === undefined) throw this.fail(name, words.join(' or '));
    return word;
  }

  flag(name: string): boolean | undefined {
    if (!this.has(name)) return undefined;
    const value = this.value[name];
    if (typeof value !== 'boolean') throw this.fail(name, 'true or false');
    return value;
  }

  /** A number in (0, `max`]. */
  positive(name: string, max: number): number | undefined {
    if (!this.has(name)) return undefined;
    const value = this.value[name];
    if (typeof value !== 'number' || !(value > 0 && value <= max))
      throw this.fail(name, `a number above 0 up to ${max}`);
    return value;
  }

  /** A whole number in [1, `max`]. */
  count(name: string, max: number): number | undefined {
    if (!this.has(name)) return undefined;
    const value = this.value[name];
    if (typeof value !== 'number' || !(Number.isInteger(value) && value >= 1 && value <= max)) {
      throw this.fail(name, `a whole number from 1 to ${max}`);
    }
    return value;
  }

  /** Three finite numbers, for red, green and blue; one number in a list counts for all three, as in timm. */
  channels(name: string, above: number): [number, number, number] | undefined {
    if (!this.has(name)) return undefined;
    const value = this.value[name];
    const list: readonly unknown[] =
      Array.isArray(value) && value.length === 1 ? [value[0], value[0], value[0]] : [value].flat();
    if (list.length !== 3 || !list.every((each) => typeof each === 'number' && Number.isFinite(each) && each > above)) {
      throw this.fail(name, `three numbers${above === 0 ? ' above 0' : ''}`);
    }
    return list as [number, number, number];
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object in the text of a JSON file. @throws WeightsError that names the file */
export function parseConfig(text: string, where: string): ConfigFields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new WeightsError('invalid', `${where} is not valid JSON; download or write it again.`, { cause: error });
  }
  if (isObject(value)) return new ConfigFields(where, value);
  throw new WeightsError(
    'invalid',
    `${where} must hold a JSON object, but it is ${describeValue(value)}; write it again.`,
  );
}
