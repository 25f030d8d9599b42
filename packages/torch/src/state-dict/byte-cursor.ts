import { type ByteSource, dataView } from './byte-source.js';
import { WeightsFileError } from './errors.js';

const windowBytes = 65536;

/** Reads a source from a position on, byte by byte or in runs, through a small window. */
export class ByteCursor {
  readonly #source: ByteSource;
  #window = new Uint8Array(0);
  #windowStart: number;
  #at = 0;

  constructor(source: ByteSource, position = 0) {
    this.#source = source;
    this.#windowStart = position;
  }

  /** The file that the bytes come from, for messages. */
  get path(): string {
    return this.#source.path;
  }

  /** Position of the next byte in the source. */
  get position(): number {
    return this.#windowStart + this.#at;
  }

  /** The next byte, 0 to 255. Throws `WeightsFileError` at the end, as all reads do. */
  byte(): number {
    if (this.#at === this.#window.length) this.#refill();
    return this.#window[this.#at++]!;
  }

  /** The next `length` bytes, copied. */
  bytes(length: number): Uint8Array {
    if (this.#window.length - this.#at >= length) {
      const copy = this.#window.slice(this.#at, this.#at + length);
      this.#at += length;
      return copy;
    }
    this.#check(length);
    const copy = new Uint8Array(length);
    const position = this.position;
    this.#source.readInto(copy, position);
    this.#windowStart = position + length;
    this.#window = new Uint8Array(0);
    this.#at = 0;
    return copy;
  }

  /** The next `length` bytes as a view for numbers. */
  view(length: number): DataView {
    return dataView(this.bytes(length));
  }

  /** A little-endian unsigned integer of 8 bytes; beyond 2^53 not exact, and then larger than any source. */
  uint64(): number {
    return Number(this.view(8).getBigUint64(0, true));
  }

  #refill(): void {
    this.#check(1);
    const position = this.position;
    this.#window = new Uint8Array(Math.min(windowBytes, this.#source.size - position));
    this.#source.readInto(this.#window, position);
    this.#windowStart = position;
    this.#at = 0;
  }

  #check(length: number): void {
    if (this.position + length <= this.#source.size) return;
    throw new WeightsFileError(this.path, 'is truncated or corrupt: its pickled part does not end');
  }
}
