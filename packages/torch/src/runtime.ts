import { native } from './native.js';

/** Seeds libtorch's default generators on all devices, which initialization, dropout and stochastic depth draw from. */
export function manualSeed(seed: number | bigint): void {
  native().manualSeed(seed);
}

/**
 * Selects deterministic algorithms on devices that have a choice (cuDNN). Operations that have only a nondeterministic
 * form then throw.
 */
export function setDeterministic(deterministic: boolean): void {
  native().setDeterministic(deterministic);
}

/** Whether GPUs may compute float32 matrix products and convolutions in TF32, with 10 bits of mantissa: several times faster. */
export function setTf32(allowed: boolean): void {
  native().setTf32(allowed);
}

/**
 * Whether cuDNN measures all algorithms for each new shape of a convolution and takes the fastest. The first steps then take
 * a minute or more.
 */
export function setCudnnBenchmark(enabled: boolean): void {
  native().setCudnnBenchmark(enabled);
}

/**
 * Sets how many threads operations use that are called from this JavaScript thread. Results may differ in the last bits
 * between thread counts.
 *
 * @throws TorchError when `threads` is not between 1 and 4096
 */
export function setNumThreads(threads: number): void {
  native().setNumThreads(threads);
}

/** See `setNumThreads`. */
export function getNumThreads(): number {
  return native().getNumThreads();
}

/** The available devices, `cpu` first: `cpu`, `cuda:0`, `mps`. */
export function devices(): string[] {
  return native().devices();
}

/**
 * Makes the process keep the memory of freed tensors for new ones instead of returning it to the operating system. A
 * training step allocates and frees the same large blocks each time; on CPUs it takes about a tenth less time with this.
 * The setting applies to the whole process and cannot be undone, so a program that only uses tensors now and then should
 * not call it.
 *
 * @returns false if the C library has no such setting; only glibc has
 */
export function keepFreedMemory(): boolean {
  return native().keepFreedMemory();
}

/**
 * Sets how long the threads of operations spin, each on its core, before they sleep while they wait for each other: some
 * milliseconds (`long`, as at the start), which is fastest if no other program computes, below a microsecond (`short`), or
 * `adaptive`: long, and short while other programs take cores. A thread of its own then looks at this four times a second.
 * The setting applies to the whole process. Results do not depend on it.
 *
 * @returns false, with no effect, if the threads are not libgomp's on Linux, or the user has set `GOMP_SPINCOUNT` or
 *   `OMP_WAIT_POLICY`
 * @throws TorchError when `mode` is none of these
 */
export function setThreadWaiting(mode: 'long' | 'short' | 'adaptive'): boolean {
  return native().setThreadWaiting(mode);
}

/**
 * The most bytes that the tensors of this process have taken on the CPU at once.
 *
 * @param options `reset`: start counting from what they take now, and return that
 */
export function peakCpuMemory({ reset = false }: { reset?: boolean } = {}): number {
  return native().peakCpuMemory(reset);
}

/** The version of libtorch that the addon was built with, such as `2.6.0`. */
export function torchVersion(): string {
  return native().version;
}
