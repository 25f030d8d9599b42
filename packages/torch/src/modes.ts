import { badArgument } from './errors.js';
import { native } from './native.js';

/**
 * Runs `work` without recording operations for `backward`. Returns its result.
 *
 * @throws TorchError when `work` returns a Promise
 */
export function noGrad<T>(work: () => T): T {
  const previous = native().setGradEnabled(false);
  try {
    return refusePromise('noGrad', work());
  } finally {
    native().setGradEnabled(previous);
  }
}

export interface AutocastOptions {
  /** The device whose operations run in 16 bits: `cpu` or `cuda`. */
  device: string;
  /** bfloat16, or float16 on a GPU. */
  dtype?: 'bfloat16' | 'float16';
  /** False runs a part of the network in full precision inside an outer autocast. */
  enabled?: boolean;
}

/**
 * Runs `work` with matrix products and convolutions in a 16-bit type, and with float32 for operations that need it
 * (mixed precision: Micikevicius et al., arXiv 1710.03740). Call `backward` outside of it.
 *
 * @throws TorchError for an unknown device or type, or when `work` returns a Promise
 */
export function autocast<T>({ device, dtype = 'bfloat16', enabled = true }: AutocastOptions, work: () => T): T {
  const previous = native().enterAutocast(device, dtype, enabled);
  try {
    return refusePromise('autocast', work());
  } finally {
    native().leaveAutocast(previous);
  }
}

// A mode that stays on across an await would apply to whatever code runs in between.
function refusePromise<T>(name: string, result: T): T {
  if (result instanceof Promise) {
    result.catch(() => {});
    throw badArgument(`${name}() takes a synchronous function, got one that returns a Promise`);
  }
  return result;
}
