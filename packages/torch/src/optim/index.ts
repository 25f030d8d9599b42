// Optimizers, gradient clipping and learning-rate schedules.
export { AdamW, type AdamWOptions } from './adamw.js';
export { clipGradNorm, gradNorm } from './clip.js';
export type { ParameterGroup, ParameterGroupInput } from './optimizer.js';
export { Optimizer } from './optimizer.js';
export { constant, cosine, linear, type Schedule, type ScheduleOptions } from './schedule.js';
export { SGD, type SGDOptions } from './sgd.js';
