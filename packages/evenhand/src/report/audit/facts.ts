/** A share from 0 to 1 with its 95 % interval. */
export interface AuditRate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** A class and the probability that it is the true class of an image. */
export interface Candidate {
  /** Class index. */
  readonly label: number;
  readonly probability: number;
}

export interface AuditImage {
  /** Path relative to the data, as in labels.csv and corrections.csv. */
  readonly file: string;
  readonly part: 'train' | 'val';
  /** Class index of its label. */
  readonly given: number;
  /** Probability that the label is wrong. */
  readonly wrong: number;
  /** The likeliest other classes, likeliest first: at least one, at most three. */
  readonly candidates: readonly Candidate[];
}

export interface AuditFacts {
  /** The folder that files are relative to. */
  readonly data: string;
  /** The page's title, such as the name of the data folder. */
  readonly name: string;
  readonly classes: readonly string[];
  /** All images, those most probably wrong first. */
  readonly images: readonly AuditImage[];
  /** The share of wrong labels among the training images. */
  readonly rate: AuditRate;
  /** By class index: the share of wrong labels among the training images with this label. */
  readonly rateByLabel: readonly AuditRate[];
  /** How wrong labels are distributed over the other classes. */
  readonly kind: 'uniform' | 'pairs';
  /** The backbone whose features were used. */
  readonly model: string;
  /** Fingerprint of the data; verdicts are stored under it. */
  readonly fingerprint: string;
  /** The command that trains with the corrections.csv of this page. */
  readonly trainCommand: string;
}
