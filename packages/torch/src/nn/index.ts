// Layers, with the names and state-dict keys of PyTorch and torchvision.
export { Activation, type ActivationName, Hardswish, ReLU, ReLU6, Sigmoid, SiLU } from './activation.js';
export { attention, plainAttention, scaledDotProductAttention } from './attention.js';
export { BatchNorm2d, type BatchNorm2dOptions, setFrozenStatistics } from './batch-norm2d.js';
export { ConvNormActivation, type ConvNormActivationOptions, SqueezeExcitation } from './blocks.js';
export { Conv2d, type Conv2dOptions } from './conv2d.js';
export { type CrossEntropyOptions, crossEntropy } from './cross-entropy.js';
export { Dropout, StochasticDepth } from './dropout.js';
export { GELU, QuickGELU } from './gelu.js';
export * as init from './init.js';
export { LayerNorm, LayerNorm2d, type LayerNormOptions } from './layer-norm.js';
export { Linear } from './linear.js';
export {
  buffer,
  constant,
  countParameters,
  disposeModule,
  Module,
  type MoveOptions,
  modules,
  moveTo,
  namedParameters,
  parameter,
  parameters,
  type Size2d,
  setRequiresGrad,
  setTraining,
  stateDict,
} from './module.js';
export { AdaptiveAvgPool2d, AvgPool2d, Flatten, MaxPool2d, type PoolOptions } from './pooling.js';
export { Sequential } from './sequential.js';
