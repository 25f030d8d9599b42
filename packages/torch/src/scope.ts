import { badArgument } from './errors.js';
import { isTensor, type NativeTensor, native } from './native.js';

// The tensors made in the innermost scope so far; null outside scopes. Each JavaScript thread has its own.
let current: NativeTensor[] | null = null;

// Tensors that no scope frees. Weak, so that a kept tensor can still be garbage collected.
const kept = new WeakSet<NativeTensor>();

/** Adds a new tensor to the innermost scope; called by the constructor of `Tensor`. */
export function track(tensor: NativeTensor): void {
  current?.push(tensor);
}

/**
 * Runs `work` and frees every tensor made in it, except those given to `keep` and those that `work` returns (alone or in
 * arrays, maps, sets and plain objects), which pass to the enclosing scope. Scopes nest. If `work` throws, all its tensors
 * are freed. Returns the result of `work`.
 *
 * A scope is synchronous, because across an `await` it could not tell its own tensors from those of other code.
 *
 * @throws TorchError TORCH_BAD_ARGUMENT when `work` returns a Promise
 */
export function scope<T>(work: () => T): T {
  const outer = current;
  const inner: NativeTensor[] = [];
  current = inner;
  const returned = new Set<unknown>();
  try {
    const result = work();
    if (isPromise(result)) {
      result.then(undefined, () => {}); // the misuse is reported, not the failure of the Promise
      throw badArgument(
        'scope() takes a synchronous function, got one that returns a Promise; await outside the scope',
      );
    }
    collect(result, returned);
    return result;
  } finally {
    current = outer;
    for (const tensor of inner) {
      if (kept.has(tensor)) continue;
      if (returned.has(tensor)) outer?.push(tensor);
      else native().dispose(tensor);
    }
  }
}

/** Removes a tensor from all scopes: it lives until `dispose()` or until it is garbage collected. Returns it. */
export function keep<T extends NativeTensor>(tensor: T): T {
  kept.add(tensor);
  return tensor;
}

/** Number of tensors of this JavaScript thread that hold memory. A training step must not change it. */
export function liveTensors(): number {
  return native().liveTensors();
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as Promise<unknown>).then === 'function';
}

/** Adds `value`, and all that it contains, to `visited`. */
function collect(value: unknown, visited: Set<unknown>): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || visited.has(value)) return;
  visited.add(value);
  if (isTensor(value)) return;
  if (value instanceof Map || value instanceof Set || Array.isArray(value)) {
    for (const item of value.values()) collect(item, visited);
    if (value instanceof Map) for (const key of value.keys()) collect(key, visited);
    return;
  }
  for (const item of Object.values(value)) collect(item, visited);
}
