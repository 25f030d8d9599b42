import type { NoiseModel } from './noise-model.js';

/** A proportion with its 95 % interval. */
export interface Rate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** What is known of the labels of N images of K classes. */
export interface LabelEstimate {
  /** [N,K]: the probability of each class to be the true one, given the image and its label. */
  readonly posterior: Float64Array;
  /** [N]: the probability that the given label is wrong. */
  readonly wrong: Float64Array;
  /** [N]: the most probable class other than the given one. */
  readonly suggested: Int32Array;
  /** The error rate: the proportion of wrong labels. */
  readonly rate: Rate;
  /** [K]: the error rate among the images with each label; all zero for a label without images. */
  readonly rateByLabel: readonly Rate[];
  /** Whether label errors are spread evenly over the other classes, or some pairs of classes are mixed up more often. */
  readonly kind: 'uniform' | 'pairs';
  readonly noise: NoiseModel;
}
