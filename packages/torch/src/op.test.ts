import assert from 'node:assert/strict';
import { test } from 'node:test';
import { native } from './native.js';
import type { Op } from './op.js';
import * as ops from './ops.js';
import { Tensor } from './tensor.js';

/**
 * A schema without differences in spelling between versions: `SymInt` is an int that may be symbolic, `2.` is `2.0`, and
 * the default of `int[2]` is one number or that number twice.
 */
function normalize(schema: string): string {
  return schema
    .replaceAll('SymInt', 'int')
    .replaceAll(/=(-?\d+)\.0*(?=[,)])/g, '=$1.')
    .replaceAll(/(int\[\d\] \w+=)\[(-?\d+)(?:, \2)*\]/g, '$1$2')
    .replaceAll("'", '"');
}

/** Whether `loaded` is `ours`, possibly with more arguments at the end that have defaults. */
function accepts(ours: string, loaded: string): boolean {
  const [head, result] = normalize(ours).split(/\) -> (?=\S+$|\(.*$)/);
  const theirs = normalize(loaded);
  if (!head || !theirs.startsWith(head) || !theirs.endsWith(`) -> ${result}`)) return false;
  const more = theirs.slice(head.length, theirs.length - `) -> ${result}`.length);
  return more === '' || /^(, (\*|[^,]+ \w+=[^,]+))+$/.test(more);
}

test('every schema in ops.ts is that of the loaded libtorch', () => {
  const differing = Object.entries(ops as unknown as Record<string, Op<string>>).flatMap(([name, { schema }]) => {
    const [operation = '', overload = ''] = schema.slice(0, schema.indexOf('(')).split('.');
    const loaded = native().schema(operation, overload);
    if (loaded !== null && accepts(schema, loaded)) return [];
    return [`${name}\n  ops.ts:   ${schema}\n  libtorch: ${loaded ?? 'no such operation'}`];
  });
  assert.equal(differing.join('\n'), '');
});

test('a schema may differ only in spelling and in new arguments with defaults', () => {
  const ours = 'aten::f(Tensor self, int[2] stride=1, float p=0., int dim=0) -> Tensor';
  for (const same of [
    'aten::f(Tensor self, SymInt[2] stride=[1, 1], float p=0.0, SymInt dim=0) -> Tensor',
    'aten::f(Tensor self, int[2] stride=1, float p=0., int dim=0, bool keep=False) -> Tensor',
    'aten::f(Tensor self, int[2] stride=1, float p=0., int dim=0, *, ScalarType? dtype=None) -> Tensor',
  ]) {
    assert.ok(accepts(ours, same), same);
  }
  for (const other of [
    'aten::f(Tensor self, int[2] stride=[1, 2], float p=0., int dim=0) -> Tensor',
    'aten::f(Tensor self, int[2] stride=2, float p=0., int dim=0) -> Tensor',
    'aten::f(Tensor self, int[2] stride=1, float p=0.5, int dim=0) -> Tensor',
    'aten::f(Tensor self, int[2] stride=1, float p=0., int dim=0, bool keep) -> Tensor',
    'aten::f(Tensor self, int[2] stride=1, float p=0., int dim=01) -> Tensor',
    'aten::f(Tensor self, int[2] stride=1, float p=0., int dim=0) -> Tensor[]',
    'aten::f(Tensor self, int[2] stride=1, float p=0., int dim=0) -> (Tensor, Tensor)',
    'aten::f(Tensor? self, int[2] stride=1, float p=0., int dim=0) -> Tensor',
    'aten::f(Tensor self, int[2] stride=1, *, float p=0., int dim=0) -> Tensor',
  ]) {
    assert.ok(!accepts(ours, other), other);
  }
  assert.ok(accepts('aten::g(Tensor(a!)[] self) -> ()', 'aten::g(Tensor(a!)[] self) -> ()'));
  assert.ok(!accepts('aten::g(Tensor(a!)[] self) -> ()', 'aten::g(Tensor(a!)[] self) -> Tensor[]'));
  const two = '-> (Tensor values, Tensor indices)';
  assert.ok(accepts(`aten::h(Tensor self, int k) ${two}`, `aten::h(Tensor self, SymInt k) ${two}`));
});

// The addon kept a reference into a vector of operators while a getter made that vector grow.
test('a getter in the options may resolve other operations', () => {
  const schemas = Object.values(ops as unknown as Record<string, Op<string>>).map(({ schema }) => schema);
  const options = {
    get dtype(): 'int64' {
      for (const schema of schemas) {
        const [operation = '', overload = ''] = schema.slice(0, schema.indexOf('(')).split('.');
        native().resolve(operation, overload);
      }
      return 'int64';
    },
  };
  const zeros = ops.zeros([3], options);
  assert.ok(zeros instanceof Tensor);
  assert.deepEqual([zeros.dtype, zeros.shape], ['int64', [3]]);
});
