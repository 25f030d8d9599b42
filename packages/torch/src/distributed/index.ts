// Several processes that work together: libtorch's c10d under the launchers of the field.
export { type Environment, readEnvironment } from './environment.js';
export { GradientBuckets, type GradientBucketsOptions } from './gradient-buckets.js';
export { available, initProcessGroup, type ProcessGroup, type ProcessGroupOptions } from './process-group.js';
