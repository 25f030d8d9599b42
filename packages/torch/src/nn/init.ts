import { badArgument } from '../errors.js';
import { noGrad } from '../modes.js';
import * as ops from '../ops.js';
import type { Tensor } from '../tensor.js';

// Initialization draws from libtorch's default generator, in the order in which layers are made. So a seed gives the same
// values as in PyTorch for the same sequence of layers.

/** The number of inputs and of outputs that a weight `[out, in, ...kernel]` connects. */
function fans(weight: Tensor): { fanIn: number; fanOut: number } {
  const [out, input, ...kernel] = weight.shape;
  if (out === undefined || input === undefined)
    throw badArgument('initialization by fan needs a weight with at least two dimensions');
  const field = kernel.reduce((product, size) => product * size, 1);
  return { fanIn: input * field, fanOut: out * field };
}

/** Fills with N(0, 2 / fan): He et al., arXiv 1502.01852, for activations like ReLU. */
export function kaimingNormal_(weight: Tensor, mode: 'fanIn' | 'fanOut' = 'fanIn'): Tensor {
  return normal_(weight, 0, Math.sqrt(2 / fans(weight)[mode]));
}

/** Fills with U(-b, b), b = sqrt(6 / ((1 + a^2) fanIn)). With `a = sqrt(5)` it is the default of PyTorch's layers. */
export function kaimingUniform_(weight: Tensor, a = Math.sqrt(5)): Tensor {
  const bound = Math.sqrt(3) * (Math.sqrt(2 / (1 + a * a)) / Math.sqrt(fans(weight).fanIn));
  return uniform_(weight, -bound, bound);
}

/** Fills a bias with U(-b, b), b = 1 / sqrt(fanIn of the weight), like PyTorch. */
export function biasUniform_(bias: Tensor, weight: Tensor): Tensor {
  const bound = 1 / Math.sqrt(fans(weight).fanIn);
  return uniform_(bias, -bound, bound);
}

/** Fills with N(mean, std^2). Returns the tensor. */
export function normal_(tensor: Tensor, mean: number, std: number): Tensor {
  return noGrad(() => ops.normal_(tensor, mean, std));
}

/** Fills with U(from, to). Returns the tensor. */
export function uniform_(tensor: Tensor, from: number, to: number): Tensor {
  return noGrad(() => ops.uniform_(tensor, from, to));
}

/** Fills with one value. Returns the tensor. */
export function constant_(tensor: Tensor, value: number): Tensor {
  return noGrad(() => ops.fill_(tensor, value));
}
