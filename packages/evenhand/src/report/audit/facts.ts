/** A share from 0 to 1 with its 95 % interval. */
export interface AuditRate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface AuditImage {
  /** Relative to the data, as it stands in labels.csv and corrections.csv. */
  readonly file: string;
  readonly part: 'train' | 'val';
  /** Class index of its label. */
  readonly given: number;
  /** Probability that the label is wrong. */
  readonly wrong: number;
  /** The most probable other class. */
  readonly suggested: number;
  readonly suggestedProbability: number;
}

export interface AuditFacts {
  /** The folder that files are relative to. */
  readonly data: string;
  /** The page's title, such as the data folder's name. */
  readonly name: string;
  readonly classes: readonly string[];
  /** All images, the most probably wrong first. */
  readonly images: readonly AuditImage[];
  /** Of wrong labels among the training images. */
  readonly rate: AuditRate;
  /** By class index: of wrong labels among the training images with this label. */
  readonly rateByLabel: readonly AuditRate[];
  /** How wrong labels are spread over the other classes. */
  readonly kind: 'uniform' | 'pairs';
  /** The backbone whose features judged. */
  readonly model: string;
  /** Of the data; verdicts are saved under it. */
  readonly fingerprint: string;
}
