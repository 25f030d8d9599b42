// Computes exactly the weights and images that tools/golden_timm.py uses for the golden outputs.
import { readdirSync } from 'node:fs';
import { nn, noGrad, ops, scope, type Tensor, tensor } from '@evenhand/torch';
import type { Pool } from './family.js';
import { golden, noise, type Summary } from './golden.test.helper.js';

/** A case of golden/models/timm/. */
export interface TimmCase {
  architecture: string;
  args: Record<string, unknown>;
  pool: Pool | null;
  gain: number;
  keys: Record<string, number[]>;
  outputs: { size: [height: number, width: number]; logits: number[][]; features: Summary[] }[];
  gradients: Record<string, Summary>;
  groups: Record<string, [depth: number, decays: boolean]>;
}

const folder = new URL('../../golden/models/timm/', import.meta.url);

/** The names of the cases. */
export const timmCases: readonly string[] = readdirSync(folder).map((file) => file.replace('.json.gz', ''));

export const timmCase = (name: string): TimmCase => golden<TimmCase>(`timm/${name}.json.gz`);

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function valuesFor(name: string, shape: readonly number[], gain: number): Float32Array {
  const count = product(shape);
  if (name.endsWith('num_batches_tracked')) return new Float32Array(count);
  if (name.endsWith('running_var')) return noise(name, count, 1 / 2, 1);
  if (name.endsWith('running_mean') || name.endsWith('bias')) return noise(name, count, 1 / 8);
  if (shape.length === 1) return noise(name, count, 1 / 4, 1);
  if (shape.length > 2 && shape[0] === 1) return noise(name, count, 1 / 2);
  return noise(name, count, Math.sqrt((3 * (name.includes('.se.') ? 0.1 : gain)) / product(shape.slice(1))));
}

/** The tensors of a file with the keys of a case, filled; the caller frees them. */
export function filledTensors(keys: TimmCase['keys'], gain: number): Map<string, Tensor> {
  return new Map(Object.entries(keys).map(([key, shape]) => [key, tensor(valuesFor(key, shape, gain), shape)]));
}

export function fillTimm(model: nn.Module, gain: number): void {
  noGrad(() =>
    scope(() => {
      for (const [key, target] of nn.stateDict(model)) {
        ops.copy_(target, tensor(valuesFor(key, target.shape, gain), target.shape));
      }
    }),
  );
}

/** The images [count,3,H,W] of the golden outputs. */
export function imagesOf(count: number, [height, width]: readonly [number, number]): Tensor {
  const shape = [count, 3, height, width];
  return tensor(noise('input', product(shape), 2), shape);
}
