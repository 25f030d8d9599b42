import { availableParallelism } from 'node:os';
import {
  autocast,
  devices,
  type distributed,
  gpuInfo,
  hasCudaGraphs,
  setDeterministic,
  setNumThreads,
  setTf32,
  setThreadWaiting,
} from '@evenhand/torch';
import { describeValue } from '../../printable.js';
import { ConfigError } from '../config/field.js';
import type { Config } from '../config/fields.js';

/** What a process must know of the others on its machine. */
type Neighbours = Pick<distributed.ProcessGroup, 'localRank' | 'localWorldSize'> | null;

/**
 * The device of a configuration. `auto` is the first GPU, or the CPU if there is none. Processes that train together on one
 * machine take one GPU each, with `auto` and `cuda`.
 */
export function chooseDevice(name: string, neighbours: Neighbours = null): string {
  const available = devices();
  const gpus = available.length - 1;
  if (neighbours && gpus > 0 && (name === 'auto' || name === 'cuda')) {
    if (neighbours.localWorldSize <= gpus) return available[1 + neighbours.localRank]!;
    throw new ConfigError(
      `${neighbours.localWorldSize} processes were started on a machine with ${gpus} GPUs: start one for each GPU, or set device to cpu`,
    );
  }
  if (name === 'auto') return available[1] ?? available[0]!;
  const device = available.find((candidate) => candidate === name || candidate === `${name}:0`);
  if (device) return device;
  throw new ConfigError(`Unknown device ${describeValue(name)}; available: ${available.join(', ')}`);
}

/**
 * Sets the number of threads of libtorch, one for each of the `cores` of this process if `threads` is 0, and how they wait for
 * each other. Returns the number.
 */
export function chooseThreads(threads: number, cores = availableParallelism()): number {
  const count = threads || cores;
  setNumThreads(count);
  setThreadWaiting('adaptive');
  return count;
}

/** The 16-bit type of matrix products and convolutions; null for float32. */
export type HalfType = 'bfloat16' | 'float16' | null;

/** The precision of a configuration on `device`: float16 on NVIDIA GPUs before Ampere, which have no bfloat16. */
export function chooseHalfType({ autocast }: Pick<Config, 'autocast'>, device: string): HalfType {
  if (autocast === 'off') return null;
  if (device.startsWith('cuda')) return Number(gpuInfo(device)?.capability ?? 8) < 8 ? 'float16' : 'bfloat16';
  return autocast === 'on' ? 'bfloat16' : null;
}

/** @throws ConfigError if `cudaGraph` is set where steps cannot be CUDA graphs */
export function requireCudaGraphs(
  config: Pick<Config, 'cudaGraph' | 'accumulate'>,
  device: string,
  half: HalfType = null,
): void {
  if (!config.cudaGraph) return;
  const refuse = (reason: string): never => {
    throw new ConfigError(`cudaGraph is set, but ${reason}`);
  };
  if (!device.startsWith('cuda')) refuse(`it needs an NVIDIA GPU, and the device is ${device}: leave it out`);
  if (!hasCudaGraphs()) {
    refuse(
      "CUDA's headers or libtorch 2.1 were not there when the addon was built: install the CUDA toolkit and run npm run setup, or leave it out",
    );
  }
  if (config.accumulate > 1)
    refuse(`accumulate is ${config.accumulate}: set it to 1 and raise batchSize, or leave cudaGraph out`);
  if (half === 'float16')
    refuse(
      'this GPU computes in float16, whose loss scale is read in each step: set autocast to off, or leave cudaGraph out',
    );
}

/** Runs `work` with autocast to this type, or as it is in float32. */
export function inHalf<T>(half: HalfType, device: string, work: () => T): T {
  return half ? autocast({ device, dtype: half }, work) : work();
}

/** Sets how a GPU computes: float32 in TF32, and the same bits in every run if `deterministic` is set. */
export function prepareDevice(device: string, { deterministic }: Pick<Config, 'deterministic'>): void {
  if (!device.startsWith('cuda')) return;
  setTf32(true);
  // cuBLAS needs this for the same bits; it reads it when it is first used.
  if (deterministic) process.env.CUBLAS_WORKSPACE_CONFIG ??= ':4096:8';
  setDeterministic(deterministic);
}

/** Lets messages and timers run. Training steps are synchronous and would block them. */
export const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
