import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gradients } from './gradients.js';
import type { Op } from './op.js';
import * as ops from './ops.js';
import { manualSeed } from './runtime.js';
import { scope } from './scope.js';
import { Tensor } from './tensor.js';
import { assertClose } from './testing/assert-close.js';
import {
  type GoldenTensor,
  isGoldenBuild,
  isGoldenTensor,
  makeTensor,
  readGolden,
  testedDevices,
  toleranceOn,
  valuesOf,
} from './testing/golden.js';

// The expected results are PyTorch's, from tools/golden_ops.py.
interface Case {
  op: string;
  note: string;
  arguments: unknown[];
  options: Record<string, unknown>;
  /** Tensors and plain values, lists flattened. */
  answers: unknown[];
  /** Gradients of the answers that require one. */
  cotangents: GoldenTensor[];
  /** Gradients of the arguments that require one. */
  gradients: (GoldenTensor | null)[];
  random: boolean;
  /** Strides are part of the answer. */
  layout: boolean;
  /** False where the values are whatever was in memory. */
  defined: boolean;
}

const table = ops as unknown as Record<string, Op<string>>;
const { cases } = readGolden<{ cases: Case[] }>('ops/ops.json.gz');

test('every operation in ops.ts has a case, and every case an operation', () => {
  assert.deepEqual([...new Set(cases.map((each) => each.op))].sort(), Object.keys(ops).sort());
});

for (const device of testedDevices) {
  describe(`operations on ${device}`, () => {
    for (const each of cases) {
      test(`${each.op} ${each.note}`.trimEnd(), () => scope(() => check(each, device)));
    }
  });
}

function check(each: Case, device: string): void {
  const { schema } = table[each.op]!;
  const run = table[each.op] as unknown as (...args: unknown[]) => unknown;
  const args = each.arguments.map((argument) => toArgument(argument, device));
  const options = { ...each.options, ...(schema.includes('Device? device') && { device }) };
  const leaves = flatten(args).filter((value) => value instanceof Tensor && value.requiresGrad) as Tensor[];
  const inPlace = schema.includes('(a!)');
  if (inPlace) args[0] = Array.isArray(args[0]) ? args[0].map((item) => ops.clone(item)) : ops.clone(args[0] as Tensor);
  if (each.random) manualSeed(1);

  const answer = run(...args, ...(Object.keys(options).length > 0 ? [options] : []));
  if (inPlace) assert.equal(answer, schema.endsWith('()') ? undefined : args[0], 'answers the very tensor it changed');
  const answers = flatten(inPlace ? args[0] : answer);
  assert.equal(answers.length, each.answers.length);
  for (const [i, expected] of each.answers.entries()) compare(each, answers[i], expected, device);

  const outputs = answers.filter((value) => value instanceof Tensor && value.requiresGrad) as Tensor[];
  assert.equal(outputs.length, each.cotangents.length, 'as many answers require a gradient');
  if (outputs.length === 0 || (each.random && !sameNumbers(device))) return;
  const gradOutputs = each.cotangents.map((cotangent) => makeTensor(cotangent, device));
  for (const [i, found] of gradients(outputs, leaves, { gradOutputs }).entries()) {
    const expected = each.gradients[i] ?? null;
    if (found === null || expected === null) assert.equal(found, expected, `gradient ${i} is there or not`);
    else assertClose(found, valuesOf(expected), { ...toleranceOn(device), name: `gradient ${i}` });
  }
}

function compare({ op, random, layout, defined }: Case, actual: unknown, expected: unknown, device: string): void {
  if (!isGoldenTensor(expected)) {
    assert.equal(actual, expected);
    return;
  }
  assert.ok(actual instanceof Tensor);
  assert.equal(actual.device.split(':')[0], device.split(':')[0]);
  assert.deepEqual([actual.dtype, actual.shape], [expected.dtype, expected.shape]);
  if (layout) assert.deepEqual(actual.strides, expected.strides);
  if (!defined || (random && !sameNumbers(device))) return; // random-ops.test.ts says what must hold
  assertClose(actual, valuesOf(expected), { ...toleranceOn(device), name: op });
}

/** Whether a seed draws the golden file's numbers here. */
function sameNumbers(device: string): boolean {
  return isGoldenBuild && device === 'cpu';
}

function toArgument(value: unknown, device: string): unknown {
  if (Array.isArray(value)) return value.map((item) => toArgument(item, device));
  return isGoldenTensor(value) ? makeTensor(value, device) : value;
}

function flatten(value: unknown): unknown[] {
  return Array.isArray(value) ? value.flatMap(flatten) : [value];
}
