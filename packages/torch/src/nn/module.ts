import type { DType, MemoryFormat } from '../dtype.js';
import { badArgument } from '../errors.js';
import * as ops from '../ops.js';
import { keep, scope } from '../scope.js';
import { Tensor } from '../tensor.js';

/**
 * A layer or a model: a class whose fields are parameters, buffers, modules and arrays of modules. Its state dict is
 * what a walk over these fields finds; the keys are the fields' names in snake_case, as in PyTorch.
 */
export abstract class Module {
  /** False in evaluation: dropout and stochastic depth pass through, BatchNorm uses its running statistics. */
  training = true;

  abstract forward(x: Tensor): Tensor;

  /** The named members, in order. Only containers whose keys are not their fields' names override this. */
  members(): Iterable<[name: string, value: unknown]> {
    return Object.entries(this);
  }
}

/** Marks a tensor as a parameter of the module that holds it: it is trained, saved, and outlives scopes. */
export function parameter(tensor: Tensor): Tensor {
  tensor.role = 'parameter';
  tensor.requiresGrad = true;
  return keep(tensor);
}

/** Marks a tensor as a buffer of the module that holds it: it is saved but not trained, and outlives scopes. */
export function buffer(tensor: Tensor): Tensor {
  tensor.role = 'buffer';
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

/** Every parameter and buffer with its key, such as `features.0.1.running_mean`: the model's own tensors, not copies. */
export function stateDict(module: Module): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [key, member] of walk(module, '')) if (member instanceof Tensor) tensors.set(key, member);
  return tensors;
}

/** Every parameter with its key. */
export function namedParameters(module: Module): Map<string, Tensor> {
  return new Map([...stateDict(module)].filter(([, tensor]) => tensor.role === 'parameter'));
}

/** Every parameter, in the order of the keys' walk. */
export function parameters(module: Module): Tensor[] {
  return [...namedParameters(module).values()];
}

/** The module itself and every module below it. */
export function modules(module: Module): Module[] {
  return [...walk(module, '')].map(([, member]) => member).filter((member) => member instanceof Module);
}

/** Number of trainable values: the sum of the parameters' sizes, frozen ones included. */
export function countParameters(module: Module): number {
  return parameters(module).reduce((sum, tensor) => sum + tensor.numel, 0);
}

/** Switches the module and all below it to training or to evaluation. Returns it. */
export function setTraining<M extends Module>(module: M, training: boolean): M {
  for (const each of modules(module)) each.training = training;
  return module;
}

/** Freezes or unfreezes every parameter of the module. BatchNorm's statistics have a switch of their own. */
export function setRequiresGrad(module: Module, requiresGrad: boolean): void {
  for (const each of parameters(module)) {
    each.requiresGrad = requiresGrad;
    if (!requiresGrad) each.grad = null;
  }
}

export interface MoveOptions {
  device?: string;
  /** Applies to floating-point tensors; counters stay integers. */
  dtype?: DType;
  /** Applies to 4-dimensional tensors: the weights of convolutions. */
  memoryFormat?: MemoryFormat;
}

/**
 * Moves every parameter and buffer in place, so that optimisers and other holders keep theirs. Gradients are dropped.
 * Returns the module.
 */
export function moveTo<M extends Module>(module: M, { device, dtype, memoryFormat }: MoveOptions): M {
  for (const each of stateDict(module).values()) {
    scope(() => {
      const floating = each.dtype.includes('float');
      each.grad = null;
      each.setData(
        ops.to(each, {
          device,
          dtype: floating ? dtype : undefined,
          memoryFormat: each.shape.length === 4 ? memoryFormat : undefined,
        }),
      );
    });
  }
  return module;
}

/** Frees every parameter and buffer. The module is of no use after. */
export function disposeModule(module: Module): void {
  for (const each of stateDict(module).values()) each.dispose();
}

/** One size for height and width, or both. */
export type Size2d = number | readonly [number, number];

export function pair(size: Size2d, name: string): [number, number] {
  const [height, width] = typeof size === 'number' ? [size, size] : size;
  for (const value of [height, width]) {
    if (!Number.isInteger(value) || value < 0)
      throw badArgument(`${name} must be whole and not negative, got ${value}`);
  }
  return [height, width];
}
