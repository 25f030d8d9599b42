import type { RecordKind } from './kind.js';
import type { ImageRecord } from './record.js';

/** The records of a loader's samples, as its workers receive them: plain data and shared memory. */
export type SharedRecords =
  | {
      readonly type: 'files';
      /** The folder of the kind, and its name, which the checksums include. */
      readonly folder: string;
      readonly kind: string;
      readonly largestRecord: number;
      /** uint8 [N, 32]: the SHA-256 of each sample's file. */
      readonly keys: SharedArrayBuffer;
      /** uint8 [N]: see `KEY_UNKNOWN`. */
      readonly states: SharedArrayBuffer;
      /** int32 [1], of all loaders: 1 while records may be written. */
      readonly writable: SharedArrayBuffer;
    }
  | {
      readonly type: 'memory';
      readonly chunks: readonly SharedArrayBuffer[];
      readonly slotsPerChunk: number;
      readonly slotBytes: number;
      /** int32 [N]: the slot of each sample. */
      readonly slots: SharedArrayBuffer;
    };

/** The records of a loader in one of its workers. */
export interface Records {
  /** What identifies the image of a sample, as far as it is known before its file is read. */
  keyOf(index: number): string | undefined;
  /** The same once its file was read; it is remembered. */
  keyOfContent(index: number, bytes: Uint8Array): string;
  /** A record, whose pixels may be overwritten by the next call; undefined if there is none that is sound. */
  read(index: number, key: string): ImageRecord | undefined;
  write(key: string, record: ImageRecord): void;
}

/** How the loader and its cache are connected. */
export interface RecordCache {
  /** The records of these files for the workers of one loader. */
  share(kind: RecordKind, files: readonly string[]): SharedRecords;
  /** Called with one sentence once records cannot be written any more. */
  onFailure(reason: string): void;
}
