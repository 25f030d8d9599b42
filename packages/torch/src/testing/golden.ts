import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { DType } from '../dtype.js';
import { noGrad } from '../modes.js';
import * as ops from '../ops.js';
import { devices, torchVersion } from '../runtime.js';
import { type Tensor, tensor } from '../tensor.js';
import type { Values } from './assert-close.js';

/** A tensor in a golden file. Numbers that JSON does not have are strings, such as `"NaN"`. */
export interface GoldenTensor {
  dtype: DType;
  shape: number[];
  data: (number | string)[];
  /** Whether it requires a gradient. */
  grad?: boolean;
  strides?: number[];
}

/** A golden file of `packages/torch/golden`, such as `ops/ops.json.gz`. */
export function readGolden<T>(name: string): T {
  const packed = readFileSync(new URL(`../../golden/${name}`, import.meta.url));
  return JSON.parse(gunzipSync(packed).toString()) as T;
}

export function isGoldenTensor(value: unknown): value is GoldenTensor {
  return typeof value === 'object' && value !== null && 'dtype' in value && 'shape' in value;
}

/** The values for `assertClose`. The decimals are the shortest ones for a float32, so they are converted back to it. */
export function valuesOf({ dtype, shape, data }: GoldenTensor): Values {
  if (dtype === 'int64') return { dtype, shape, data: data.map((value) => BigInt(value)) };
  const numbers = data.map(Number);
  return { dtype, shape, data: dtype === 'float64' ? numbers : Float32Array.from(numbers) };
}

/** A new leaf tensor with the values, memory layout and `requiresGrad` of the golden tensor. */
export function makeTensor({ dtype, shape, data, grad = false, strides }: GoldenTensor, device = 'cpu'): Tensor {
  return noGrad(() => {
    const contiguous = tensor(Float64Array.from(data, Number), shape, { dtype, device });
    const channelsLast = shape.length === 4 && strides?.[1] === 1;
    const leaf = channelsLast ? ops.contiguous(contiguous, { memoryFormat: 'channelsLast' }) : contiguous;
    leaf.requiresGrad = grad;
    return leaf;
  });
}

/** Copies the golden values to the tensors of `target`. Keys and their order must be the same. */
export function copyValues(target: ReadonlyMap<string, Tensor>, state: Record<string, GoldenTensor>): void {
  assert.deepEqual([...target.keys()], Object.keys(state));
  noGrad(() => {
    for (const [key, golden] of Object.entries(state)) ops.copy_(target.get(key)!, makeTensor(golden));
  });
}

/**
 * The tolerance for float32 results of a device. GPUs compute convolutions in TF32, whose mantissa has 10 bits: each factor
 * is off by up to 1 / 2048, and sums of dozens of products near 1 by a few thousandths.
 */
export function toleranceOn(device: string): { rtol?: number; atol?: number } {
  return device === 'cpu' ? {} : { rtol: 5e-3, atol: 5e-3 };
}

/** The devices that tests run on: all that are available. */
export const testedDevices: readonly string[] = devices();

/**
 * Whether the loaded libtorch is the build that the golden files were made with (Debian's 1.13), so that a seed must give
 * the same random numbers. Other versions, and other builds of one version, may draw others: MKL has its own
 * `bernoulli_`.
 */
export const isGoldenBuild: boolean = torchVersion().startsWith('1.13.') && loadedFrom('/usr/lib/');

function loadedFrom(folder: string): boolean {
  const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: string[] };
  return sharedObjects.some((path) => path.startsWith(folder) && path.includes('/libtorch_cpu.so'));
}
