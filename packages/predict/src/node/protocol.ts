import type { ImageSource } from '../decode.js';
import type { ModelMetadata } from '../metadata.js';
import type { View } from '../views.js';

/** What a worker is told once. */
export interface Setup {
  /** The model's file, or its bytes. */
  readonly model: string | Uint8Array;
  /** How messages call it. */
  readonly name: string;
  readonly metadata: Pick<ModelMetadata, 'classes' | 'preset'>;
  /** ONNX Runtime's name of the device. */
  readonly provider: string;
  /** Threads of this worker's session. */
  readonly threads: number;
  /** Views that run together. */
  readonly batch: number;
}

export interface Job {
  readonly id: number;
  readonly image: ImageSource;
  readonly views: readonly View[];
}

export type FromWorker =
  /** `trial` is how many milliseconds one view takes. */
  | { readonly kind: 'ready'; readonly trial: number }
  | { readonly kind: 'refused'; readonly reason: string; readonly model: boolean }
  | { readonly kind: 'done'; readonly id: number; readonly logits: Float64Array; readonly milliseconds: number }
  /** `file` is there where the image is to blame. */
  | { readonly kind: 'failed'; readonly id: number; readonly file?: string; readonly reason: string };
