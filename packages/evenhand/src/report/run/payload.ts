/** What the page's script knows: the JSON inside the page. Plain data, indices in place of names. */
export interface Payload {
  readonly classes: readonly string[];
  readonly images: readonly ListedImage[];
  readonly cells: readonly Cell[];
  /** Validation images of each class. */
  readonly support: readonly number[];
  /** Orders of the confusion matrix by name: class indices from first to last. */
  readonly orders: Readonly<Record<string, readonly number[]>>;
  /** By chart and series: of each of its points what is said of it, and the class that it stands for. */
  readonly points: Readonly<Record<string, readonly (readonly Point[])[]>>;
}

/** A validation image: number, file, label, answer, and the calibrated probabilities of answer and label. */
export type ListedImage = readonly [
  id: number,
  file: string,
  truth: number,
  predicted: number,
  confidence: number,
  given: number,
];

/** A cell of the confusion matrix that is not zero. */
export type Cell = readonly [truth: number, predicted: number, count: number];

export type Point = readonly [text: string, label?: number];
