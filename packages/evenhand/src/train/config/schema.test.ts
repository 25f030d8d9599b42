import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { flagName } from './field.js';
import { fieldNames, fields } from './fields.js';
import { configSchema } from './schema.js';

type Schema = Readonly<Record<string, unknown>>;

/** Whether a schema of the keywords that `field.ts` writes allows a value. */
function allows(schema: Schema, value: unknown): boolean {
  const {
    type,
    enum: names,
    anyOf,
    minimum,
    maximum,
    exclusiveMaximum,
    items,
    minItems,
    maxItems,
    uniqueItems,
    minLength,
    pattern,
  } = schema;
  if (anyOf !== undefined) return (anyOf as Schema[]).some((each) => allows(each, value));
  if (names !== undefined) return (names as unknown[]).includes(value);
  if (type === 'array') {
    if (!Array.isArray(value)) return false;
    if (value.length < Number(minItems ?? 0) || value.length > Number(maxItems ?? Number.POSITIVE_INFINITY))
      return false;
    if (uniqueItems === true && new Set(value).size < value.length) return false;
    return value.every((each) => allows(items as Schema, each));
  }
  if (type === 'integer') {
    if (!Number.isInteger(value)) return false;
  } else if (typeof value !== type) return false;
  if (typeof value === 'string') {
    return value.length >= Number(minLength ?? 0) && new RegExp(String(pattern ?? '')).test(value);
  }
  if (typeof value !== 'number') return true;
  const belowMaximum = exclusiveMaximum === undefined || value < Number(exclusiveMaximum);
  return value >= Number(minimum ?? -Infinity) && value <= Number(maximum ?? Infinity) && belowMaximum;
}

const SAMPLES: readonly unknown[] = [
  ...[-1, -0.5, 0, 0.25, 0.5, 1, 1.5, 2, 200],
  ...['', 'auto', 'best', 'none', 'sampler', 'mobilenet_v2', '3', '1h30m', '2.5s', '20', true, false, null, {}],
  ...[[], ['sampler'], ['sampler', 'sampler'], ['sampler', 'none'], ['x'], [0.2, 0.4], [0.2], [-1, 2], [0.1, 0.2, 0.3]],
];

describe('the JSON Schema of configuration files', () => {
  const { properties, additionalProperties } = configSchema() as { properties: Record<string, Schema> } & Schema;

  test('has every field and the recipe, and allows nothing else', () => {
    assert.deepEqual(Object.keys(properties), ['recipe', ...fieldNames]);
    assert.equal(additionalProperties, false);
  });

  for (const name of fieldNames) {
    test(`allows the values of ${flagName(name)} that a configuration allows`, () => {
      const { default: value, accept } = fields[name];
      assert.ok(allows(properties[name]!, value));
      for (const sample of SAMPLES) {
        assert.equal(allows(properties[name]!, sample), accept(sample) !== undefined, JSON.stringify(sample));
      }
    });
  }
});
