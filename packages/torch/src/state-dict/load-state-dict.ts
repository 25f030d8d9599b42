import { badArgument } from '../errors.js';
import { noGrad } from '../modes.js';
import { type Module, stateDict } from '../nn/module.js';
import * as ops from '../ops.js';
import { escapeControls, printable } from '../printable.js';
import { scope } from '../scope.js';
import { fromBytes, type Tensor } from '../tensor.js';
import { writeSafetensors } from './safetensors-write.js';
import { openWeights, WeightsFile } from './weights-file.js';

/** Tensors by name: an open file, which is read one tensor at a time, or tensors in memory. */
export type StateDictSource = WeightsFile | ReadonlyMap<string, Tensor>;

export interface LoadStateDictOptions {
  /**
   * Ignores the keys under this prefix or these, in the module and in the source: `classifier` if the model has another head
   * than the file.
   */
  without?: string | readonly string[];
  /** What messages call the source. Default: its path, or `the state dict` for tensors in memory. */
  name?: string;
}

/**
 * Copies the tensors of `source` to the module's parameters and buffers, converted to their type and device.
 * `num_batches_tracked` may be missing, as in files from before PyTorch 0.4.
 *
 * @throws TorchError TORCH_BAD_ARGUMENT that names missing keys, unexpected keys and keys with another shape; the module is
 * then unchanged
 */
export function loadStateDict(
  module: Module,
  source: StateDictSource,
  { without = [], name = source instanceof WeightsFile ? source.path : 'the state dict' }: LoadStateDictOptions = {},
): void {
  const ignored = [without].flat();
  const isIncluded = (key: string) => !ignored.some((prefix) => key === prefix || key.startsWith(`${prefix}.`));
  const targets = new Map([...stateDict(module)].filter(([key]) => isIncluded(key)));
  const available: ReadonlyMap<string, { readonly shape: readonly number[] }> =
    source instanceof WeightsFile ? source.tensors : source;

  const missing = [...targets.keys()].filter((key) => !available.has(key) && !key.endsWith('num_batches_tracked'));
  const unexpected = [...available.keys()].filter((key) => isIncluded(key) && !targets.has(key));
  const reshaped = [...targets].flatMap(([key, target]) => {
    const shape = available.get(key)?.shape;
    return shape && String(shape) !== String(target.shape) ? [`${key} [${shape}] instead of [${target.shape}]`] : [];
  });
  const problems = [
    ['missing', missing],
    ['unexpected', unexpected],
    ['with another shape', reshaped],
  ] as const;
  if (problems.some(([, keys]) => keys.length > 0)) {
    const descriptions = problems.flatMap(([what, keys]) =>
      keys.length > 0 ? [`${keys.length} ${what} (${listKeys(keys)})`] : [],
    );
    throw badArgument(`${escapeControls(name)} does not match the model: ${descriptions.join('; ')}`);
  }
  for (const [key, target] of targets) {
    if (available.has(key)) scope(() => noGrad(() => ops.copy_(target, readTensor(source, key))));
  }
}

/**
 * Reads the tensors of a weights file, given by its path or open, to the CPU: for state that belongs to no module, or that is
 * converted first.
 *
 * @param keys the names of the tensors to read; default: all
 * @throws WeightsFileError if the file cannot be read
 */
export function readTensors(source: string | WeightsFile, keys?: Iterable<string>): Map<string, Tensor> {
  if (typeof source !== 'string') {
    return new Map([...(keys ?? source.tensors.keys())].map((key) => [key, readTensor(source, key)]));
  }
  const file = openWeights(source);
  try {
    return readTensors(file, keys);
  } finally {
    file.close();
  }
}

/**
 * Writes tensors as safetensors, atomically: whatever happens, the file is either the old one or the complete new one.
 *
 * @throws WeightsFileError if the system refuses, for example because the disk is full
 */
export function saveTensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  const entries = [...tensors].map(([name, tensor]) => ({
    name,
    dtype: tensor.dtype,
    shape: tensor.shape,
    bytes: () => tensor.toBytes(),
  }));
  writeSafetensors(path, entries, metadata);
}

function readTensor(source: StateDictSource, key: string): Tensor {
  if (!(source instanceof WeightsFile)) return source.get(key)!;
  const { shape, dtype } = source.tensors.get(key)!;
  return fromBytes(source.read(key), shape, dtype);
}

function listKeys(keys: readonly string[]): string {
  const shown = keys.slice(0, keys.length > 4 ? 3 : 4).map(printable);
  return shown.length < keys.length ? `${shown.join(', ')} and ${keys.length - 3} more` : shown.join(', ');
}
