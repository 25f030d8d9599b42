import type { ImageSource } from '../decode.js';
import type { ModelMetadata } from '../metadata.js';
import type { Run } from '../model.js';
import type { View } from '../views.js';

/** What a worker is started with. */
export interface Setup {
  /** The model's file, or its bytes. */
  readonly model: string | Uint8Array;
  /** How messages call it. */
  readonly name: string;
  readonly metadata: Pick<ModelMetadata, 'classes' | 'preset' | 'members'>;
  /** ONNX Runtime's name of the device. */
  readonly provider: string;
  /** Threads of this worker's session. */
  readonly threads: number;
  /** Views that run together. */
  readonly batch: number;
  /** The buffer of the worker's `Gate`. */
  readonly gate: SharedArrayBuffer;
}

export interface Job {
  readonly id: number;
  readonly image: ImageSource;
  readonly views: readonly View[];
  /** How many networks of an ensemble to average. */
  readonly members: number;
}

/** Why a job failed: the image is unreadable, the model failed on it, or something else happened. */
export type Failure =
  | { readonly cause: 'image'; readonly file: string; readonly reason: string }
  | { readonly cause: 'model'; readonly reason: string }
  | {
      readonly cause: 'other';
      readonly reason: string;
      readonly code?: string | undefined;
      readonly syscall?: string | undefined;
      readonly path?: string | undefined;
    };

export type FromWorker =
  /** `trial` is the time that one view takes in one network, in milliseconds. */
  | { readonly kind: 'ready'; readonly trial: number }
  | { readonly kind: 'refused'; readonly reason: string; readonly model: boolean }
  | { readonly kind: 'done'; readonly id: number; readonly run: Run }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: Failure };
