import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { DType } from '../dtype.js';
import { devices, noGrad, torchVersion } from '../modes.js';
import * as ops from '../ops.js';
import { type Tensor, tensor } from '../tensor.js';
import type { Values } from './assert-close.js';

/** A tensor in a golden file; numbers that JSON lacks are written as strings, such as `"NaN"`. */
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

/** The values for `assertClose`. The decimals are the shortest that stand for a float32 and must become one again. */
export function valuesOf({ dtype, shape, data }: GoldenTensor): Values {
  if (dtype === 'int64') return { dtype, shape, data: data.map((value) => BigInt(value)) };
  const numbers = data.map(Number);
  return { dtype, shape, data: dtype === 'float64' ? numbers : Float32Array.from(numbers) };
}

/** A new leaf with the golden's values, layout and wish for a gradient. */
export function makeTensor({ dtype, shape, data, grad = false, strides }: GoldenTensor, device = 'cpu'): Tensor {
  return noGrad(() => {
    const made = tensor(Float64Array.from(data, Number), shape, { dtype, device });
    const channelsLast = shape.length === 4 && strides?.[1] === 1;
    const leaf = channelsLast ? ops.contiguous(made, { memoryFormat: 'channelsLast' }) : made;
    leaf.requiresGrad = grad;
    return leaf;
  });
}

/** Gives the tensors of `target` the golden's values; keys and their order must be the same. */
export function copyValues(target: ReadonlyMap<string, Tensor>, state: Record<string, GoldenTensor>): void {
  assert.deepEqual([...target.keys()], Object.keys(state));
  noGrad(() => {
    for (const [key, golden] of Object.entries(state)) ops.copy_(target.get(key)!, makeTensor(golden));
  });
}

/** What a device's kernels can be expected to keep of float32: GPUs compute convolutions and products in TF32. */
export function toleranceOn(device: string): { rtol?: number; atol?: number } {
  return device === 'cpu' ? {} : { rtol: 1e-3, atol: 1e-3 };
}

/** Devices that suites run on: `cpu` and whatever else is there. */
export const testedDevices: readonly string[] = devices();

/**
 * Whether the loaded libtorch is the build that the golden files were made with (Debian's 1.13), so that one seed must
 * draw the same numbers. Other versions may draw differently, and so may other builds of one version: MKL has a
 * `bernoulli_` of its own.
 */
export const isGoldenBuild: boolean = torchVersion().startsWith('1.13.') && loadedFrom('/usr/lib/');

function loadedFrom(folder: string): boolean {
  const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: string[] };
  return sharedObjects.some((path) => path.startsWith(folder) && path.includes('/libtorch_cpu.so'));
}
