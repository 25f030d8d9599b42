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

export const native: Native = load();
