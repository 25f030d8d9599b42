import type { DType, MemoryFormat } from '../dtype.js';
import { badArgument } from '../errors.js';
import * as ops from '../ops.js';
import { keep, scope } from '../scope.js';
import { Tensor } from '../tensor.js';

/**
 * A layer or a model: a class with fields that are parameters, buffers, constants, modules or arrays of modules. Its state
 * dict contains the parameters and buffers in these fields. The keys are the names of the fields in snake_case, as in PyTorch.
 */
export abstract class Module {
  /** False in evaluation: dropout and stochastic depth do nothing, BatchNorm uses its running statistics. */
  training = true;

  abstract forward(x: Tensor): Tensor;

  /** The named members, in order. Override it in containers that have other keys than the names of their fields. */
  members(): Iterable<[name: string, value: unknown]> {
    return Object.entries(this);
  }
}

/** Marks a tensor as a parameter of its module: it is trained, saved, and no scope frees it. Returns it. */
export function parameter(tensor: Tensor): Tensor {
  tensor.role = 'parameter';
  tensor.requiresGrad = true;
  return keep(tensor);
}

/** Marks a tensor as a buffer of its module: it is saved but not trained, and no scope frees it. Returns it. */
export function buffer(tensor: Tensor): Tensor {
  tensor.role = 'buffer';
  return keep(tensor);
}

/**
 * Marks a tensor as a constant of its module: it is neither trained nor saved, but it moves and is freed with the module,
 * and no scope frees it. PyTorch's `register_buffer` with `persistent=False`. Returns it.
 */
export function constant(tensor: Tensor): Tensor {
  tensor.role = 'constant';
  return keep(tensor);
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function* walk(module: Module, path: string): Generator<[path: string, member: Tensor | Module]> {
  yield [path, module];
  for (const [name, value] of module.members()) {
    const key = path + (path && '.') + snakeCase(name);
    if (value instanceof Tensor && value.role) yield [key, value];
    else if (value instanceof Module) yield* walk(value, key);
    else if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) if (item instanceof Module) yield* walk(item, `${key}.${i}`);
    }
  }
}

/** All parameters, buffers and constants by key. */
function namedTensors(module: Module): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [key, member] of walk(module, '')) if (member instanceof Tensor) tensors.set(key, member);
  return tensors;
}

/** All parameters and buffers by key, such as `features.0.1.running_mean`. They are the module's tensors, not copies. */
export function stateDict(module: Module): Map<string, Tensor> {
  return new Map([...namedTensors(module)].filter(([, { role }]) => role !== 'constant'));
}

/** All parameters by key. */
export function namedParameters(module: Module): Map<string, Tensor> {
  return new Map([...stateDict(module)].filter(([, tensor]) => tensor.role === 'parameter'));
}

/** All parameters, in the order of `stateDict`. */
export function parameters(module: Module): Tensor[] {
  return [...namedParameters(module).values()];
}

/** The module itself and all modules in it. */
export function modules(module: Module): Module[] {
  return [...walk(module, '')].map(([, member]) => member).filter((member) => member instanceof Module);
}

/** Total number of elements of all parameters, including frozen ones. */
export function countParameters(module: Module): number {
  return parameters(module).reduce((sum, tensor) => sum + tensor.numel, 0);
}

/** Switches the module and all modules in it to training or evaluation. Returns it. */
export function setTraining<M extends Module>(module: M, training: boolean): M {
  for (const member of modules(module)) member.training = training;
  return module;
}

/** Freezes or unfreezes all parameters of the module. For the statistics of BatchNorm, see `setFrozenStatistics`. */
export function setRequiresGrad(module: Module, requiresGrad: boolean): void {
  for (const tensor of parameters(module)) {
    tensor.requiresGrad = requiresGrad;
    if (!requiresGrad) tensor.grad = null;
  }
}

export interface MoveOptions {
  device?: string;
  /** For floating-point tensors; integers are not converted. */
  dtype?: DType;
  /** For tensors with four dimensions: the weights of convolutions. */
  memoryFormat?: MemoryFormat;
}

/**
 * Moves all parameters, buffers and constants in place, so that optimizers and other objects still refer to them. Drops gradients.
 * Returns the module.
 */
export function moveTo<M extends Module>(module: M, { device, dtype, memoryFormat }: MoveOptions): M {
  for (const tensor of namedTensors(module).values()) {
    scope(() => {
      const isFloat = tensor.dtype.includes('float');
      tensor.grad = null;
      tensor.setData(
        ops.to(tensor, {
          device,
          dtype: isFloat ? dtype : undefined,
          memoryFormat: tensor.shape.length === 4 ? memoryFormat : undefined,
        }),
      );
    });
  }
  return module;
}

/** Frees all parameters, buffers and constants. The module cannot be used afterwards. */
export function disposeModule(module: Module): void {
  for (const tensor of namedTensors(module).values()) tensor.dispose();
}

/** One size for both height and width, or `[height, width]`. */
export type Size2d = number | readonly [number, number];

/** `size` as `[height, width]`. Throws TorchError unless both are whole numbers of at least 0. */
export function pair(size: Size2d, name: string): [number, number] {
  const [height, width] = typeof size === 'number' ? [size, size] : size;
  for (const value of [height, width]) {
    if (!Number.isInteger(value) || value < 0)
      throw badArgument(`${name} must be a whole number of at least 0, got ${value}`);
  }
  return [height, width];
}
