import assert from 'node:assert/strict';
import { test } from 'node:test';
import { native } from './native.js';
import type { Op } from './op.js';
import * as ops from './ops.js';

/**
 * A schema without what versions spell differently and means the same: `SymInt` is an int that may be symbolic, `2.`
 * is `2.0`, and the default of `int[2]` is one number or that number twice.
 */
function normalise(schema: string): string {
  return schema
    .replaceAll('SymInt', 'int')
    .replaceAll(/=(-?\d+)\.0*(?=[,)])/g, '=$1.')
    .replaceAll(/(int\[\d\] \w+=)\[(-?\d+)(?:, \2)*\]/g, '$1$2')
    .replaceAll("'", '"');
}

/** Whether `loaded` is `ours`, or ours with further arguments at the end, each with a default. */
function accepts(ours: string, loaded: string): boolean {
  const [head, answer] = normalise(ours).split(/\) -> (?=\S+$|\(.*$)/);
  const theirs = normalise(loaded);
  if (!head || !theirs.startsWith(head) || !theirs.endsWith(`) -> ${answer}`)) return false;
  const more = theirs.slice(head.length, theirs.length - `) -> ${answer}`.length);
  return more === '' || /^(, (\*|[^,]+ \w+=[^,]+))+$/.test(more);
}

test("every schema of ops.ts is the loaded libtorch's", () => {
  const differing = Object.entries(ops as unknown as Record<string, Op<string>>).flatMap(([name, { schema }]) => {
    const [operation = '', overload = ''] = schema.slice(0, schema.indexOf('(')).split('.');
    const loaded = native().schema(operation, overload);
    if (loaded !== null && accepts(schema, loaded)) return [];
    return [`${name}\n  ops.ts:   ${schema}\n  libtorch: ${loaded ?? 'no such operation'}`];
  });
  assert.equal(differing.join('\n'), '');
});

test('a schema may differ in spelling and by new arguments with defaults, in nothing else', () => {
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
