import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveTensors, scope, tensor } from '@evenhand/torch';
import { LateValues } from './late-values.js';

test('values are used in order, one step late, the last ones when asked for', () => {
  const live = liveTensors();
  const used: [readonly number[], string][] = [];
  const late = new LateValues<string>((values, step) => used.push([values, step]));
  scope(() => late.push(tensor([1, 2]), 'first'));
  assert.deepEqual(used, []);
  scope(() => late.push(tensor([3]), 'second'));
  assert.deepEqual(used, [[[1, 2], 'first']]);
  late.settle();
  late.settle();
  assert.deepEqual(used.slice(1), [[[3], 'second']]);
  assert.equal(liveTensors(), live);
});

test('an error while values are used leaves no tensor behind', () => {
  const live = liveTensors();
  const late = new LateValues<number>(() => {
    throw new Error('diverged');
  });
  scope(() => late.push(tensor([Number.NaN]), 1));
  assert.throws(() => scope(() => late.push(tensor([1]), 2)), /diverged/);
  late.dispose();
  late.dispose();
  assert.equal(liveTensors(), live);
});
