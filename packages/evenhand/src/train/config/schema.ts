import type { Field } from './field.js';
import { fieldNames, fields } from './fields.js';
import { recipes } from './recipes.js';

/**
 * JSON Schema of a configuration file (TOML, YAML or JSON), for editors: draft 2020-12. `recipe` names the recipe that the
 * other keys override.
 */
export function configSchema(): Record<string, unknown> {
  const properties = fieldNames.map((name) => {
    const field: Field<unknown> = fields[name];
    return [name, { description: field.doc, default: field.default, ...field.schema }] as const;
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'evenhand configuration',
    type: 'object',
    properties: {
      recipe: {
        description: 'set of defaults that the other keys override',
        enum: Object.keys(recipes),
        default: 'competition',
      },
      ...Object.fromEntries(properties),
    },
    additionalProperties: false,
  };
}
