/** The JSON in the page, for its script: plain data with indices instead of names. */
export interface AuditPayload {
  readonly classes: readonly string[];
  readonly fingerprint: string;
  /** The index of a likely label error is the number of its thumbnail. */
  readonly likelyErrors: readonly LikelyError[];
  /** By class index: the thumbnails of typical images. */
  readonly typical: readonly (readonly number[])[];
}

export type LikelyError = readonly [
  file: string,
  given: number,
  wrong: number,
  candidates: readonly (readonly [label: number, probability: number])[],
];

/** Below this probability the likeliest class is not recommended. */
export const RECOMMENDED = 0.5;
