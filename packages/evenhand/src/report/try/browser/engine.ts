import type { Explanation } from '@evenhand/predict/browser';

export interface Answer {
  readonly label: string;
  readonly probability: number;
  /** The highest-ranked classes, best first; `label` is the first of them. */
  readonly top: readonly { readonly label: string; readonly probability: number }[];
  readonly warning?: string | undefined;
}

export interface Similar {
  /** Training images that were compared, of those that will be. */
  readonly compared: number;
  readonly of: number;
  readonly images: readonly { readonly label: string; readonly similarity: number; readonly thumbnail: string }[];
}

/** What computes the answers of the page. Every function rejects with an error of one sentence. */
export interface Engine {
  predict(image: Blob): Promise<Answer>;
  /** @param onProgress gets the share that is done */
  explain(image: Blob, onProgress: (share: number) => void): Promise<Explanation>;
  /** Absent if there are no training images. */
  similar?(image: Blob): Promise<Similar>;
}
