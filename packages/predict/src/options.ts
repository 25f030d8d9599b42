import { describe } from './describe.js';
import type { GivenMetadata } from './metadata.js';

/** Where a model runs; `auto` is the fastest device that works with what is installed. */
export const DEVICES = ['auto', 'cpu', 'cuda', 'webgpu'] as const;
export type Device = (typeof DEVICES)[number];

export interface LoadOptions extends GivenMetadata {
  /** Default `auto`. */
  readonly device?: Device | undefined;
  /** Number of threads; by default one per core. */
  readonly threads?: number | undefined;
}

/** @throws TypeError of one sentence for an invalid option */
export function checkLoadOptions({ device, threads }: LoadOptions): void {
  if (device !== undefined && !DEVICES.includes(device)) {
    throw new TypeError(`device: expected ${DEVICES.join(', ')}, got ${describe(device)}.`);
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new TypeError(`threads: expected a whole number of at least 1, got ${describe(threads)}.`);
  }
}
