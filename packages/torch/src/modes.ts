import { badArgument } from './errors.js';
import { native } from './native.js';

/** Runs `work` without recording anything for `backward`. Returns its result. */
export function noGrad<T>(work: () => T): T {
  const before = native().setGradEnabled(false);
  try {
    return refusePromise('noGrad', work());
  } finally {
    native().setGradEnabled(before);
  }
}

export interface AutocastOptions {
  /** The device whose operations are cast; `cpu` or `cuda`. */
  device: string;
  /** bfloat16, or float16 on a GPU. */
  dtype?: 'bfloat16' | 'float16';
  /** False runs a part of the network in full precision inside an autocast around it. */
  enabled?: boolean;
}

/**
 * Runs `work` with matrix products and convolutions in a 16-bit type, everything else in float32 where that matters
 * (mixed precision, Micikevicius et al., arXiv 1710.03740). Run `backward` outside.
 */
export function autocast<T>({ device, dtype = 'bfloat16', enabled = true }: AutocastOptions, work: () => T): T {
  const before = native().enterAutocast(device, dtype, enabled);
  try {
    return refusePromise('autocast', work());
  } finally {
    native().leaveAutocast(before);
  }
}

/** Seeds libtorch's default generators on every device: initialisation, dropout and stochastic depth follow it. */
export function manualSeed(seed: number | bigint): void {
  native().manualSeed(seed);
}

/** Makes operations deterministic where a device has a choice (cuDNN); those without a deterministic form throw. */
export function setDeterministic(deterministic: boolean): void {
  native().setDeterministic(deterministic);
}

/** Threads that operations called from this JavaScript thread use. Results may differ in the last bits between counts. */
export function setNumThreads(threads: number): void {
  native().setNumThreads(threads);
}

/** See `setNumThreads`. */
export function getNumThreads(): number {
  return native().getNumThreads();
}

/** The devices at hand, `cpu` first. */
export function devices(): string[] {
  return native().devices();
}

/** The version of the libtorch that the addon was built against, such as `2.6.0`. */
export function torchVersion(): string {
  return native().version;
}

// A mode left open across an await would apply to whatever runs in between.
function refusePromise<T>(name: string, result: T): T {
  if (result instanceof Promise) {
    result.catch(() => {});
    throw badArgument(`${name}() takes a synchronous function, got one that returns a Promise`);
  }
  return result;
}
