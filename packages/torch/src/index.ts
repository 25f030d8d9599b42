// libtorch for TypeScript.
export * as distributed from './distributed/index.js';
export type { DType, MemoryFormat, TypedArray } from './dtype.js';
export { TorchError, type TorchErrorCode } from './errors.js';
export { DeferredRead, type GpuInfo, gpuInfo, peakGpuMemory, Uploader } from './gpu.js';
export { gradients } from './gradients.js';
export { CudaGraphs, hasCudaGraphs } from './graph.js';
export { type AutocastOptions, autocast, noGrad } from './modes.js';
export * as nn from './nn/index.js';
export { type Op, op } from './op.js';
export * as ops from './ops.js';
export * as optim from './optim/index.js';
export { isRecording, type OpCall, recordOps } from './record.js';
export {
  devices,
  getNumThreads,
  keepFreedMemory,
  manualSeed,
  peakCpuMemory,
  setCudnnBenchmark,
  setDeterministic,
  setNumThreads,
  setTf32,
  setThreadWaiting,
  torchVersion,
} from './runtime.js';
export { keep, liveTensors, scope } from './scope.js';
export * from './state-dict/index.js';
export {
  fromBytes,
  Generator,
  type NestedNumbers,
  Tensor,
  type TensorOptions,
  tensor,
} from './tensor.js';
