// libtorch for TypeScript: the only door of this package.
export type { DType } from './dtype.js';
export { TorchError, type TorchErrorCode } from './errors.js';
export { gradients } from './gradients.js';
export {
  type AutocastOptions,
  autocast,
  devices,
  getNumThreads,
  manualSeed,
  noGrad,
  setDeterministic,
  setNumThreads,
  torchVersion,
} from './modes.js';
export * as nn from './nn/index.js';
export { type Op, op } from './op.js';
export * as ops from './ops.js';
export * as optim from './optim/index.js';
export { type OpCall, recordOps } from './record.js';
export { keep, liveTensors, scope } from './scope.js';
export * from './state-dict/index.js';
export {
  fromBytes,
  Generator,
  type MemoryFormat,
  type NestedNumbers,
  Tensor,
  type TensorOptions,
  type TypedArray,
  tensor,
} from './tensor.js';
