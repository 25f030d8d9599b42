import { createRequire } from 'node:module';
import { findAddon, setupCommand } from './addon-file.js';
import type { DType, MemoryFormat, TypedArray } from './dtype.js';
import { TorchError } from './errors.js';

declare const tensorBrand: unique symbol;

/**
 * An object that owns a libtorch tensor. The addon makes instances of the class given to `setTensorClass`, so every
 * NativeTensor is a `Tensor`; this type exists so that the modules below `Tensor` need not import it.
 */
export interface NativeTensor {
  readonly [tensorBrand]: true;
}

/** The functions of the addon. Each checks the type of its arguments. See `native/addon.cc`. */
interface Native {
  readonly version: string;
  readonly NativeTensor: new () => NativeTensor;
  readonly NativeGenerator: new (device: string, seed: number | bigint) => object;
  setTensorClass(tensor: new () => NativeTensor): void;
  setErrorClass(error: typeof TorchError): void;
  liveTensors(): number;
  dispose(tensor: NativeTensor): void;
  isDisposed(tensor: NativeTensor): boolean;

  resolve(name: string, overload: string): number;
  call(id: number, ...args: unknown[]): unknown;
  schema(name: string, overload: string): string | null;

  fromArray(data: TypedArray, source: DType, shape: readonly number[], dtype: DType, device: string): NativeTensor;
  copyToArray<T extends TypedArray>(tensor: NativeTensor, target: T, targetType: DType): T;
  shape(tensor: NativeTensor): number[];
  strides(tensor: NativeTensor): number[];
  dtype(tensor: NativeTensor): DType;
  device(tensor: NativeTensor): string;
  memoryFormat(tensor: NativeTensor): MemoryFormat;
  item(tensor: NativeTensor): number;
  setData(tensor: NativeTensor, source: NativeTensor): NativeTensor;

  requiresGrad(tensor: NativeTensor): boolean;
  setRequiresGrad(tensor: NativeTensor, requiresGrad: boolean): NativeTensor;
  gradOf(tensor: NativeTensor): NativeTensor | null;
  setGrad(tensor: NativeTensor, grad: NativeTensor | null): NativeTensor;
  backward(tensor: NativeTensor, gradient: NativeTensor | null, retainGraph: boolean): void;
  gradients(
    outputs: readonly NativeTensor[],
    inputs: readonly NativeTensor[],
    gradOutputs: readonly NativeTensor[],
    retainGraph: boolean,
  ): (NativeTensor | null)[];
  setGradEnabled(enabled: boolean): boolean;
  enterAutocast(device: string, dtype: DType, enabled: boolean): unknown;
  leaveAutocast(previous: unknown): void;

  devices(): string[];
  setNumThreads(threads: number): void;
  getNumThreads(): number;
  manualSeed(seed: number | bigint): void;
  setDeterministic(deterministic: boolean): void;
  setTf32(allowed: boolean): void;
  setCudnnBenchmark(enabled: boolean): void;
  keepFreedMemory(): boolean;
  setThreadWaiting(mode: string): boolean;
  peakCpuMemory(reset: boolean): number;

  gpuInfo(device: string): Record<string, string | number> | null;
  peakGpuMemory(device: string): number | null;
  newStream(device: string): object | null;
  onStream<T>(stream: object, work: () => T): T;
  upload(stream: object, data: TypedArray, source: DType, shape: readonly number[]): NativeTensor;
  hasGraphs(): boolean;
  captureGraph(stream: object, sharesMemoryOf: object | null, work: () => void): object;
  replayGraph(graph: object): void;
  resetGraph(graph: object): void;
  recordEvent(device: string): object | null;
  waitForEvent(event: object | null): void;

  distributedBackends(): { gloo: boolean; nccl: boolean };
  openStore(host: string, port: number, hosts: boolean, milliseconds: number): object;
  storeSet(store: object, key: string, value: string, milliseconds: number): void;
  storeAdd(store: object, key: string, milliseconds: number): number;
  storeGet(store: object, key: string, milliseconds: number): string | null;
  closeStore(store: object): void;
  addressTowards(host: string): string | null;
  openGroup(
    store: object,
    prefix: string,
    rank: number,
    size: number,
    milliseconds: number,
    places: readonly string[],
    areInterfaces: boolean,
    nccl: boolean,
  ): object;
  closeGroup(group: object): void;
  allReduce(group: object, tensor: NativeTensor, operation: string): object;
  broadcast(group: object, tensor: NativeTensor, source: number): object;
  allGather(group: object, tensor: NativeTensor, results: readonly NativeTensor[]): object;
  waitForWork(work: object, milliseconds: number): boolean;
  newBuckets(group: object, flats: readonly NativeTensor[], parameters: readonly (readonly NativeTensor[])[]): object;
  armBuckets(buckets: object): void;
  launchBuckets(buckets: object): void;
  waitForBuckets(buckets: object, milliseconds: number): boolean;
  disposeBuckets(buckets: object): void;

  augmentImage(
    data: Uint8Array,
    width: number,
    height: number,
    left: number,
    top: number,
    boxWidth: number,
    boxHeight: number,
    size: number,
    filter: string,
    flipHorizontally: boolean,
    flipVertically: boolean,
    operations: Float64Array,
    out: Uint8Array,
  ): void;
}

function load(): Native {
  const addon = requireAddon();
  try {
    return createRequire(import.meta.url)(addon) as Native;
  } catch (error) {
    const [reason] = (error as Error).message.split('\n');
    throw missing(`libtorch cannot be loaded (${reason}); it may have been moved or upgraded`);
  }
}

/**
 * The file of the addon. Does not load it.
 *
 * @throws TorchError TORCH_NATIVE_MISSING if there is none
 */
export function requireAddon(): string {
  const addon = findAddon();
  if (addon === undefined) throw missing('libtorch is not set up on this machine');
  return addon;
}

function missing(cause: string): TorchError {
  const remedy = `run \`${setupCommand()}\`, which finds or downloads libtorch and the addon for it`;
  return new TorchError(`${cause}: ${remedy}.`, 'TORCH_NATIVE_MISSING');
}

/** The classes of this package that the addon makes instances of. */
interface Classes {
  readonly Tensor: new () => NativeTensor;
  readonly Generator: new (seed: number | bigint) => object;
}

let addon: Native | undefined;
let classes: Classes | undefined;

/** The addon. The first call loads it and libtorch, which takes about a second. */
export function native(): Native {
  if (addon === undefined) {
    const loaded = load();
    loaded.setErrorClass(TorchError);
    if (classes !== undefined) connect(loaded, classes);
    addon = loaded;
  }
  return addon;
}

/** Passes the classes to the addon, now or when it is loaded. */
export function registerClasses(newClasses: Classes): void {
  classes = newClasses;
  if (addon !== undefined) connect(addon, newClasses);
}

function connect(loaded: Native, { Tensor, Generator }: Classes): void {
  // `super()` looks up the base class at each call, so from now on it finds the addon's.
  for (const [derived, base] of [
    [Tensor, loaded.NativeTensor],
    [Generator, loaded.NativeGenerator],
  ] as const) {
    Object.setPrototypeOf(derived, base);
    Object.setPrototypeOf(derived.prototype, base.prototype);
  }
  loaded.setTensorClass(Tensor);
}

/** Whether a value is a tensor. Does not load libtorch. */
export function isTensor(value: object): boolean {
  return classes !== undefined && value instanceof classes.Tensor;
}

/** Base class of `Tensor` until the addon is loaded: defining `Tensor` must not load it. */
export const NativeTensor = function construct(): object {
  return Reflect.construct(native().NativeTensor, [], new.target);
} as unknown as Native['NativeTensor'];

/** Base class of `Generator` until the addon is loaded. */
export const NativeGenerator = function construct(device: string, seed: number | bigint): object {
  return Reflect.construct(native().NativeGenerator, [device, seed], new.target);
} as unknown as Native['NativeGenerator'];
