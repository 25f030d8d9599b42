import { native } from './native.js';
import type { Tensor } from './tensor.js';

/**
 * Gradients of `outputs` with respect to `inputs`, without touching any `grad`.
 *
 * @param gradOutputs gradients of the outputs, each of its output's shape; may be left out for outputs of one element
 * @returns one tensor an input, null where no output depends on it
 */
export function gradients(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  { gradOutputs = [], retainGraph = false }: { gradOutputs?: readonly Tensor[]; retainGraph?: boolean } = {},
): (Tensor | null)[] {
  return native().gradients(outputs, inputs, gradOutputs, retainGraph);
}
