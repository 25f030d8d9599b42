import { native } from './native.js';
import type { Tensor } from './tensor.js';

/**
 * Gradients of `outputs` with respect to `inputs`. Does not change any `grad`. PyTorch's `torch.autograd.grad`.
 *
 * @param gradOutputs gradients of the outputs, each with the shape of its output; optional if every output has one element
 * @returns one tensor per input, with its shape; null if no output depends on it
 */
export function gradients(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  { gradOutputs = [], retainGraph = false }: { gradOutputs?: readonly Tensor[]; retainGraph?: boolean } = {},
): (Tensor | null)[] {
  return native().gradients(outputs, inputs, gradOutputs, retainGraph) as (Tensor | null)[];
}
