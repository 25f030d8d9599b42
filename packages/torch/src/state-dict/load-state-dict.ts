import { badArgument } from '../errors.js';
import { noGrad } from '../modes.js';
import { type Module, stateDict } from '../nn/module.js';
import * as ops from '../ops.js';
import { scope } from '../scope.js';
import { fromBytes, type Tensor } from '../tensor.js';
import { writeSafetensors } from './safetensors-write.js';
import { openWeights, WeightsFile } from './weights-file.js';

/** Tensors by name: an open file, read one tensor at a time, or tensors in memory. */
export type StateDictSource = WeightsFile | ReadonlyMap<string, Tensor>;

export interface LoadStateDictOptions {
  /**
   * Keys under this prefix are neither loaded nor missed, as `classifier` where the model has another head than the
   * file.
   */
  without?: string;
}

/**
 * Copies the tensors of `source` into the module's parameters and buffers, converted to their type and device.
 * `num_batches_tracked` may be missing, as in files from before PyTorch 0.4.
 *
 * @throws TorchError TORCH_BAD_ARGUMENT that says which keys are missing, which unexpected and which have another
 * shape; the module is unchanged then
 */
export function loadStateDict(module: Module, source: StateDictSource, { without }: LoadStateDictOptions = {}): void {
  const wanted = (key: string) => without === undefined || !(key === without || key.startsWith(`${without}.`));
  const targets = new Map([...stateDict(module)].filter(([key]) => wanted(key)));
  const given: ReadonlyMap<string, { readonly shape: readonly number[] }> =
    source instanceof WeightsFile ? source.tensors : source;

  const missing = [...targets.keys()].filter((key) => !given.has(key) && !key.endsWith('num_batches_tracked'));
  const unexpected = [...given.keys()].filter((key) => wanted(key) && !targets.has(key));
  const reshaped = [...targets].flatMap(([key, target]) => {
    const shape = given.get(key)?.shape;
    return shape && String(shape) !== String(target.shape) ? [`${key} [${shape}] for [${target.shape}]`] : [];
  });
  const complaints = [
    ['missing', missing],
    ['unexpected', unexpected],
    ['of another shape', reshaped],
  ] as const;
  if (complaints.some(([, keys]) => keys.length > 0)) {
    const name = source instanceof WeightsFile ? source.path : 'the state dict';
    const found = complaints.flatMap(([what, keys]) =>
      keys.length > 0 ? [`${keys.length} ${what} (${some(keys)})`] : [],
    );
    throw badArgument(`${name} does not fit the model: ${found.join('; ')}`);
  }
  for (const [key, target] of targets) {
    if (given.has(key)) scope(() => noGrad(() => ops.copy_(target, read(source, key))));
  }
}

/** The tensors of an open weights file or of the file at this path, on the CPU: for state that belongs to no module. */
export function readTensors(source: string | WeightsFile): Map<string, Tensor> {
  if (typeof source !== 'string') return new Map([...source.tensors.keys()].map((key) => [key, read(source, key)]));
  const file = openWeights(source);
  try {
    return readTensors(file);
  } finally {
    file.close();
  }
}

/**
 * Writes tensors as safetensors, atomically: the file is the old one or the whole new one, whatever happens.
 *
 * @throws WeightsFileError where the system refuses, for example for want of space
 */
export function saveTensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  const entries = [...tensors].map(([name, each]) => ({
    name,
    dtype: each.dtype,
    shape: each.shape,
    bytes: () => each.toBytes(),
  }));
  writeSafetensors(path, entries, metadata);
}

function read(source: StateDictSource, key: string): Tensor {
  if (!(source instanceof WeightsFile)) return source.get(key)!;
  const { shape, dtype } = source.tensors.get(key)!;
  return fromBytes(source.read(key), shape, dtype);
}

function some(keys: readonly string[]): string {
  return keys.length > 4 ? `${keys.slice(0, 3).join(', ')} and ${keys.length - 3} more` : keys.join(', ');
}
