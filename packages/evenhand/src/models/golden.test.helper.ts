// Computes exactly the weights and images that tools/golden_models.py uses for the golden outputs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { nn, noGrad, ops, scope, type Tensor, tensor } from '@evenhand/torch';

/** Parses a file of golden/models/. */
export function golden<T>(name: string): T {
  const bytes = readFileSync(new URL(`../../golden/models/${name}`, import.meta.url));
  return JSON.parse((name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()) as T;
}

/** offset + scale * u with u in [-1, 1): murmur3's finaliser over FNV-1a of the name and the index. */
export function noise(name: string, count: number, scale = 1, offset = 0): Float32Array {
  let seed = 0x811c9dc5;
  for (const byte of Buffer.from(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  const numbers = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let h = Math.imul(i, 0x9e3779b9) + seed;
    h ^= h >>> 16;
    h = Math.imul(h, 0x85ebca6b);
    h ^= h >>> 13;
    h = Math.imul(h, 0xc2b2ae35);
    h ^= h >>> 16;
    numbers[i] = offset + scale * ((h >>> 8) / 2 ** 23 - 1);
  }
  return numbers;
}

/** Values for the state-dict entry `name`. */
function valuesFor(name: string, shape: readonly number[], gain: number): Float32Array {
  const count = product(shape);
  if (name.endsWith('num_batches_tracked')) return new Float32Array(count);
  if (name.endsWith('running_var')) return noise(name, count, 1 / 2, 1);
  if (name.endsWith('running_mean') || name.endsWith('bias')) return noise(name, count, 1 / 8);
  if (shape.length === 1) return noise(name, count, 1 / 4, 1);
  const power = name.includes('.fc') ? 0.1 : gain;
  return noise(name, count, Math.sqrt((3 * power) / product(shape.slice(1))));
}

export function fillModel(model: nn.Module, gain: number): void {
  noGrad(() =>
    scope(() => {
      for (const [name, target] of nn.stateDict(model)) {
        ops.copy_(target, tensor(valuesFor(name, target.shape, gain), target.shape));
      }
    }),
  );
}

/** The images [count,3,size,size] of the golden outputs. */
export function images(count: number, size: number): Tensor {
  const shape = [count, 3, size, size];
  return tensor(noise('input', product(shape), 2), shape);
}

/** Asserts that the largest difference is at most `tolerance` times the largest expected magnitude. */
export function assertClose(actual: Tensor, expected: readonly number[], tolerance: number, what: string): void {
  const got = Array.from(actual.toArray(), Number);
  assert.equal(got.length, expected.length, what);
  const scale = Math.max(...expected.map(Math.abs));
  const error = Math.max(...expected.map((x, i) => Math.abs(x - got[i]!)));
  if (!(error <= tolerance * scale)) {
    assert.fail(`${what}: off by ${(error / scale).toExponential(2)} relative\ngot      ${got}\nexpected ${expected}`);
  }
}

/** What tools/golden_models.py stores of a large tensor: its norm, and its values at some indices. */
export interface Summary {
  norm: number;
  at: number[];
  values: number[];
}

/**
 * Asserts that norm and values agree within a thousandth, small values within a thousandth of the tensor's typical one.
 * Values below `floor` count as zero: a shift that the next batch normalisation removes has no gradient except rounding.
 */
export function assertSummary(key: string, actual: Tensor, { norm, at, values }: Summary, floor = 0): void {
  const flat = actual.toArray();
  let squares = 0;
  for (let i = 0; i < flat.length; i++) squares += Number(flat[i]) ** 2;
  const got = Math.sqrt(squares);
  assert.ok(Math.abs(got - norm) <= Math.max(1e-3 * norm, floor), `${key}: norm ${got}, expected ${norm}`);
  const typical = norm / Math.sqrt(flat.length);
  at.forEach((index, i) => {
    const expected = values[i]!;
    const off = Math.abs(Number(flat[index]) - expected);
    const allowed = Math.max(1e-3 * (typical + Math.abs(expected)), floor);
    assert.ok(off <= allowed, `${key}[${index}]: ${flat[index]}, expected ${expected}`);
  });
}

function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
