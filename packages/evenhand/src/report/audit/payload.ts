/** What the page's script knows: the JSON inside the page. Plain data, indices in place of names. */
export interface AuditPayload {
  readonly classes: readonly string[];
  readonly fingerprint: string;
  /** The number of a suspect's thumbnail is its place here. */
  readonly suspects: readonly Suspect[];
  /** By class index: the thumbnails of images that are typical of the class. */
  readonly typical: readonly (readonly number[])[];
}

export type Suspect = readonly [
  file: string,
  given: number,
  wrong: number,
  suggested: number,
  suggestedProbability: number,
];
