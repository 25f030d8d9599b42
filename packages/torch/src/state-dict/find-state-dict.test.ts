import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Contents, findStateDict, StorageRef, TensorRecord } from './index.js';

const tensor = new TensorRecord(new StorageRef('0', 'float32', 1), [1], [1], 0);
const dict = (...items: [Contents, Contents][]) => new Map<Contents, Contents>(items);
const tensors = (...names: string[]) => dict(...names.map((name): [Contents, Contents] => [name, tensor]));

function found(contents: Contents) {
  const result = findStateDict(contents);
  return result && { ...result.takenFrom, names: [...result.tensors.keys()] };
}

test('tensors are found at the top level or under a usual key, plain ones before averaged ones', () => {
  assert.deepEqual(found(tensors('a', 'b')), { key: undefined, prefix: '', names: ['a', 'b'] });
  for (const key of ['state_dict', 'model', 'model_state_dict', 'model_ema', 'state_dict_ema', 'net']) {
    assert.deepEqual(found(dict(['epoch', 3], ['best', tensor], [key, tensors('a')])), {
      key,
      prefix: '',
      names: ['a'],
    });
  }
  const both = dict(['state_dict_ema', tensors('ema')], ['state_dict', tensors('plain')]);
  assert.deepEqual(found(both)?.names, ['plain']);
});

test('a prefix is removed only if all names have it', () => {
  assert.deepEqual(found(tensors('module.a', 'module.b')), { key: undefined, prefix: 'module.', names: ['a', 'b'] });
  assert.deepEqual(found(tensors('module._orig_mod.a'))?.names, ['a']);
  assert.deepEqual(found(tensors('module.a', 'b'))?.names, ['module.a', 'b']);
});

test('tensors in any other place are not found', () => {
  for (const contents of [null, 3, 'x', tensor, [tensor], dict(), dict([1, tensor]), dict(['a', tensor], ['b', 1])]) {
    assert.equal(found(contents), undefined);
  }
  assert.equal(found(dict(['optimizer', tensors('a')])), undefined);
  assert.equal(found(dict(['model', dict()])), undefined);
});
