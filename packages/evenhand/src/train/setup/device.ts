import { availableParallelism } from 'node:os';
import { devices, setNumThreads } from '@evenhand/torch';
import { describeValue } from '../../printable.js';
import { ConfigError } from '../config/field.js';

/** The device of a configuration. `auto` is the first GPU, or the CPU if there is none. */
export function chooseDevice(name: string): string {
  const available = devices();
  if (name === 'auto') return available[1] ?? available[0]!;
  const device = available.find((candidate) => candidate === name || candidate === `${name}:0`);
  if (device) return device;
  throw new ConfigError(`Unknown device ${describeValue(name)}; available: ${available.join(', ')}`);
}

/** Sets the number of threads of libtorch, one per core if `threads` is 0. Returns the number. */
export function chooseThreads(threads: number): number {
  const count = threads || availableParallelism();
  setNumThreads(count);
  return count;
}

/** Lets messages and timers run. Training steps are synchronous and would block them. */
export const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
