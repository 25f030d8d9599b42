/** The JSON in the page, for its script: plain data with indices instead of names. */
export interface Payload {
  readonly classes: readonly string[];
  readonly images: readonly ListedImage[];
  readonly cells: readonly Cell[];
  /** Validation images per class. */
  readonly support: readonly number[];
  /** Orders of the confusion matrix by name: class indices from first to last. */
  readonly orders: Readonly<Record<string, readonly number[]>>;
  /** By chart and series: the description of each point, and its class if it has one. */
  readonly points: Readonly<Record<string, readonly (readonly Point[])[]>>;
}

/**
 * A validation image: number, file, label, predicted class, the calibrated probabilities of prediction and label, and the
 * probability that the label is wrong, if the run judged labels.
 */
export type ListedImage = readonly [
  id: number,
  file: string,
  truth: number,
  predicted: number,
  confidence: number,
  labelProbability: number,
  labelWrong?: number,
];

/** A cell of the confusion matrix that is not zero. */
export type Cell = readonly [truth: number, predicted: number, count: number];

export type Point = readonly [text: string, label?: number];
