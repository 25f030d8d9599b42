import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { DType } from './dtype.js';
import { TorchError } from './errors.js';
import type { MemoryFormat, Tensor, TypedArray } from './tensor.js';

/** The addon's functions: plain ones, each checking its receiver. See `native/addon.cc`. */
interface Native {
  readonly version: string;
  readonly NativeTensor: new () => object;
  readonly NativeGenerator: new (device: string, seed: number | bigint) => object;
  setClasses(tensor: new () => Tensor, error: typeof TorchError): void;
  liveTensors(): number;
  dispose(tensor: Tensor): void;
  isDisposed(tensor: Tensor): boolean;

  resolve(name: string, overload: string): number;
  call(id: number, ...args: unknown[]): unknown;
  schema(name: string, overload: string): string | null;

  fromArray(data: TypedArray, given: DType, shape: readonly number[], wanted: DType, device: string): Tensor;
  copyToArray<T extends TypedArray>(tensor: Tensor, target: T, given: DType): T;
  shape(tensor: Tensor): number[];
  strides(tensor: Tensor): number[];
  dtype(tensor: Tensor): DType;
  device(tensor: Tensor): string;
  memoryFormat(tensor: Tensor): MemoryFormat;
  item(tensor: Tensor): number;
  setData(tensor: Tensor, source: Tensor): Tensor;

  requiresGrad(tensor: Tensor): boolean;
  setRequiresGrad(tensor: Tensor, requiresGrad: boolean): Tensor;
  gradOf(tensor: Tensor): Tensor | null;
  setGrad(tensor: Tensor, grad: Tensor | null): Tensor;
  backward(tensor: Tensor, gradient: Tensor | null, retainGraph: boolean): void;
  gradients(
    outputs: readonly Tensor[],
    inputs: readonly Tensor[],
    gradOutputs: readonly Tensor[],
    retainGraph: boolean,
  ): (Tensor | null)[];
  setGradEnabled(enabled: boolean): boolean;
  enterAutocast(device: string, dtype: DType, enabled: boolean): unknown;
  leaveAutocast(before: unknown): void;
  manualSeed(seed: number | bigint): void;
  setDeterministic(deterministic: boolean): void;
  setNumThreads(threads: number): void;
  getNumThreads(): number;
  devices(): string[];
}

const addonPath = fileURLToPath(new URL('../build/evenhand_torch.node', import.meta.url));

function load(): Native {
  try {
    return createRequire(import.meta.url)(addonPath) as Native;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const cause =
      code === 'MODULE_NOT_FOUND'
        ? `the native addon is not built (${addonPath} is missing)`
        : `the native addon does not load: ${message.split('\n')[0]}`;
    throw new TorchError(
      `@evenhand/torch: ${cause}. Run 'npm run setup' in the repository: it finds or installs libtorch and builds ` +
        'the addon against it. If libtorch was moved or upgraded, the same command builds it again.',
      'TORCH_NATIVE_MISSING',
    );
  }
}

/** The classes of this package that the addon has to know. */
interface Classes {
  readonly Tensor: new () => Tensor;
  readonly Generator: new (seed: number | bigint) => object;
  readonly TorchError: typeof TorchError;
}

let addon: Native | undefined;
let classes: Classes | undefined;

/** The addon. Loading it, and libtorch with it, takes a second, so that waits for the first call. */
export function native(): Native {
  if (addon === undefined) {
    const loaded = load();
    if (classes !== undefined) connect(loaded, classes);
    addon = loaded;
  }
  return addon;
}

export function registerClasses(own: Classes): void {
  classes = own;
  if (addon !== undefined) connect(addon, own);
}

function connect(loaded: Native, own: Classes): void {
  // `super()` looks the base class up at each call, so it finds the addon's from now on.
  for (const [derived, base] of [
    [own.Tensor, loaded.NativeTensor],
    [own.Generator, loaded.NativeGenerator],
  ] as const) {
    Object.setPrototypeOf(derived, base);
    Object.setPrototypeOf(derived.prototype, base.prototype);
  }
  loaded.setClasses(own.Tensor, own.TorchError);
}

/** Whether a value is a tensor, without loading libtorch to find out. */
export function isTensor(value: object): boolean {
  return classes !== undefined && value instanceof classes.Tensor;
}

/** Base class of `Tensor` until the addon is loaded, so that defining the class does not load it. */
export const NativeTensor = function construct(): object {
  return Reflect.construct(native().NativeTensor, [], new.target);
} as unknown as Native['NativeTensor'];

/** Base class of `Generator` until the addon is loaded. */
export const NativeGenerator = function construct(device: string, seed: number | bigint): object {
  return Reflect.construct(native().NativeGenerator, [device, seed], new.target);
} as unknown as Native['NativeGenerator'];
