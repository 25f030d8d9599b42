import { badArgument } from './errors.js';
import { isTensor, native } from './native.js';
import type { Tensor } from './tensor.js';

// The tensors made since the innermost scope began; null outside scopes. One per JavaScript thread, as is this module.
let current: Tensor[] | null = null;

// Tensors that no scope frees. Weak, so that keeping does not mean leaking what nobody can reach.
const kept = new WeakSet<Tensor>();

/** Enters a new tensor into the innermost scope; called by the constructor of `Tensor`. */
export function track(tensor: Tensor): void {
  current?.push(tensor);
}

/**
 * Runs `work` and frees every tensor made in it, except those that it returns (by themselves or inside arrays, maps
 * and plain objects; they pass to the scope around) and those given to `keep`. Scopes nest. When `work` throws, all
 * its tensors are freed and the error passes on.
 *
 * A scope is synchronous: JavaScript could run anything between two parts of an async function, and the scope could
 * not tell whose tensors are whose.
 *
 * @throws TorchError TORCH_BAD_ARGUMENT when `work` returns a Promise.
 */
export function scope<T>(work: () => T): T {
  const outer = current;
  const mine: Tensor[] = [];
  current = mine;
  const escaping = new Set<unknown>();
  try {
    const result = work();
    if (isPromise(result)) {
      result.then(undefined, () => {}); // its failure is not the news: the misuse is
      throw badArgument(
        'scope() takes a synchronous function, got one that returns a Promise; await outside the scope',
      );
    }
    collect(result, escaping);
    return result;
  } finally {
    current = outer;
    for (const tensor of mine) {
      if (kept.has(tensor)) continue;
      if (escaping.has(tensor)) outer?.push(tensor);
      else native().dispose(tensor);
    }
  }
}

/** Takes a tensor out of every scope: it lives until `dispose()`, or until nothing can reach it. Returns it. */
export function keep<T extends Tensor>(tensor: T): T {
  kept.add(tensor);
  return tensor;
}

/**
 * How many tensors of this JavaScript thread hold memory. A training step must leave it where it was.
 */
export function liveTensors(): number {
  return native().liveTensors();
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as Promise<unknown>).then === 'function';
}

function collect(value: unknown, found: Set<unknown>): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || found.has(value)) return;
  found.add(value);
  if (isTensor(value)) return;
  if (value instanceof Map || value instanceof Set || Array.isArray(value)) {
    for (const item of value.values()) collect(item, found);
    if (value instanceof Map) for (const key of value.keys()) collect(key, found);
    return;
  }
  for (const item of Object.values(value)) collect(item, found);
}
