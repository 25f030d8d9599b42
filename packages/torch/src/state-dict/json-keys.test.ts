import assert from 'node:assert/strict';
import { test } from 'node:test';
import { repeatedKey } from './json-keys.js';

test('the first repeated key of any object is found, whatever escapes and values surround it', () => {
  const cases: readonly (readonly [json: string, expected: string | undefined])[] = [
    ['{}', undefined],
    ['{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}', undefined],
    ['{"a":"a","b":"a"}', undefined],
    ['{"a":1,"b":2,"a":3}', 'a'],
    ['{"x":[{"k":1 , "k" :2}]}', 'k'],
    ['{"a":1,"\\u0061":1}', 'a'],
    ['{"\\"":1,"\\\\":2,"\\\\\\"":3}', undefined],
    ['{"\\\\":1,"b":"\\\\","\\\\":2}', '\\'],
    ['{"a\\"":"\\\\\\"","a\\"":0}', 'a"'],
    ['{"":1,"":2}', ''],
    ['{"a":"{\\"b\\":1,\\"b\\":2}"}', undefined],
  ];
  for (const [json, expected] of cases) {
    JSON.parse(json);
    assert.equal(repeatedKey(json), expected, json);
  }
});
