import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ops from './ops.js';
import { isRecording, type OpCall, recordOps } from './record.js';
import { scope } from './scope.js';
import { tensor } from './tensor.js';

const namesOf = (calls: readonly OpCall[]): string[] => calls.map(({ schema }) => schema.slice(6, schema.indexOf('(')));

test('operations are reported in order, with schema, arguments and result', () => {
  scope(() => {
    const calls: OpCall[] = [];
    const [a, b] = [tensor([1, 2]), tensor([3, 4])];
    const result = recordOps(
      (call) => calls.push(call),
      () => ops.mulScalar(ops.add(a, b, { alpha: 2 }), 3),
    );
    assert.deepEqual([...result.toArray()], [21, 30]);
    assert.deepEqual(
      calls.map(({ schema }) => schema),
      [ops.add.schema, ops.mulScalar.schema],
    );
    const [add, mul] = calls as [OpCall, OpCall];
    assert.ok(add.args[0] === a && add.args[1] === b);
    assert.deepEqual(add.args[2], { alpha: 2 });
    assert.ok(mul.args[0] === add.result && mul.args[1] === 3 && mul.args.length === 2);
    assert.ok(mul.result === result);
  });
});

test('an in-place operation reports its first argument as the result', () => {
  scope(() => {
    const calls: OpCall[] = [];
    const a = tensor([1, 2]);
    recordOps(
      (call) => calls.push(call),
      () => ops.add_(a, a),
    );
    assert.ok(calls.length === 1 && calls[0]!.result === a && calls[0]!.args[0] === a);
  });
});

test('results are alive while they are reported, even if a scope frees them later', () => {
  const seen: number[] = [];
  scope(() => {
    const a = tensor([1, 2]);
    recordOps(
      ({ result }) => seen.push(...((result as typeof a).toArray() as Float32Array)),
      () => scope(() => void ops.mulScalar(ops.mulScalar(a, 2), 2)),
    );
  });
  assert.deepEqual(seen, [2, 4, 4, 8]);
});

test('an inner recording replaces the outer one while it runs', () => {
  scope(() => {
    const [outer, inner]: [OpCall[], OpCall[]] = [[], []];
    const a = tensor([1]);
    recordOps(
      (call) => outer.push(call),
      () => {
        ops.relu(a);
        recordOps(
          (call) => inner.push(call),
          () => ops.sigmoid(a),
        );
        ops.silu(a);
      },
    );
    assert.deepEqual([namesOf(outer), namesOf(inner)], [['relu', 'silu'], ['sigmoid']]);
  });
});

test('nothing is reported after the function has returned or thrown, nor for a failed operation', () => {
  scope(() => {
    const calls: OpCall[] = [];
    const a = tensor([1, 2]);
    const work = () => {
      ops.relu(a);
      ops.add(a, tensor([1, 2, 3]));
    };
    assert.throws(() => recordOps((call) => calls.push(call), work), { code: 'TORCH_OPERATION_FAILED' });
    ops.sigmoid(a);
    assert.deepEqual(namesOf(calls), ['relu']);
    recordOps(
      (call) => calls.push(call),
      () => ops.silu(a),
    );
    ops.sigmoid(a);
    assert.deepEqual(namesOf(calls), ['relu', 'silu']);
  });
});

test('isRecording is true while operations are recorded, and not after an error', () => {
  const fail = (): never => {
    assert.equal(isRecording(), true);
    throw new Error('failed');
  };
  assert.equal(isRecording(), false);
  assert.throws(() => recordOps(() => {}, fail), /failed/);
  assert.equal(isRecording(), false);
});
