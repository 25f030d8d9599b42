import type { GivenMetadata } from './metadata.js';

/** Where a model computes; `auto` is the fastest that works without asking for anything to be installed. */
export const DEVICES = ['auto', 'cpu', 'cuda', 'webgpu'] as const;
export type Device = (typeof DEVICES)[number];

export interface LoadOptions extends GivenMetadata {
  /** `auto` where absent. */
  readonly device?: Device | undefined;
  /** Threads that compute; one a core where absent. */
  readonly threads?: number | undefined;
}

/** @throws TypeError, a sentence, where an option is not one */
export function checkLoadOptions({ device, threads }: LoadOptions): void {
  if (device !== undefined && !DEVICES.includes(device)) {
    throw new TypeError(`device: expected ${DEVICES.join(', ')}, got ${JSON.stringify(device)}.`);
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new TypeError(`threads: expected a whole number of at least 1, got ${threads}.`);
  }
}
