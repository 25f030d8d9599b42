import { badArgument } from '../errors.js';
import { noGrad } from '../modes.js';
import * as ops from '../ops.js';
import type { Tensor } from '../tensor.js';

// Initialisations draw from libtorch's default generator, in the order in which layers are made, so that a seed gives
// the values that PyTorch draws for the same sequence of layers.

/** Numbers of inputs and outputs that a weight `[out, in, ...kernel]` connects. */
function fans(weight: Tensor): { fanIn: number; fanOut: number } {
  const [out, input, ...kernel] = weight.shape;
  if (out === undefined || input === undefined) throw badArgument('fans need a weight of at least two dimensions');
  const field = kernel.reduce((product, size) => product * size, 1);
  return { fanIn: input * field, fanOut: out * field };
}

/** Fills with N(0, 2 / fan): He et al., arXiv 1502.01852, for ReLU-like activations. */
export function kaimingNormal_(weight: Tensor, mode: 'fanIn' | 'fanOut' = 'fanIn'): Tensor {
  return normal_(weight, 0, Math.sqrt(2 / fans(weight)[mode]));
}

/** Fills with U(-b, b), b = sqrt(6 / ((1 + a^2) fanIn)): what PyTorch's layers start from, with `a = sqrt(5)`. */
export function kaimingUniform_(weight: Tensor, a = Math.sqrt(5)): Tensor {
  const bound = Math.sqrt(3) * (Math.sqrt(2 / (1 + a * a)) / Math.sqrt(fans(weight).fanIn));
  return uniform_(weight, -bound, bound);
}

/** Fills a layer's bias with U(-b, b), b = 1 / sqrt(fanIn of its weight), as PyTorch does. */
export function biasUniform_(bias: Tensor, weight: Tensor): Tensor {
  const bound = 1 / Math.sqrt(fans(weight).fanIn);
  return uniform_(bias, -bound, bound);
}

export function normal_(tensor: Tensor, mean: number, std: number): Tensor {
  return noGrad(() => ops.normal_(tensor, mean, std));
}

export function uniform_(tensor: Tensor, from: number, to: number): Tensor {
  return noGrad(() => ops.uniform_(tensor, from, to));
}

export function constant_(tensor: Tensor, value: number): Tensor {
  return noGrad(() => ops.fill_(tensor, value));
}
