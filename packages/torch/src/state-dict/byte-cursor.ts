import { type ByteSource, dataView } from './byte-source.js';
import { WeightsFileError } from './errors.js';

const windowBytes = 65536;

/** Reads a source sequentially from a position on, through a small buffer. */
export class ByteCursor {
  readonly #source: ByteSource;
  #window = new Uint8Array(0);
  #windowStart: number;
  #offset = 0;

  constructor(source: ByteSource, position = 0) {
    this.#source = source;
    this.#windowStart = position;
  }

  /** Path of the file, for messages. */
  get path(): string {
    return this.#source.path;
  }

  /** Position of the next byte in the source. */
  get position(): number {
    return this.#windowStart + this.#offset;
  }

  /** The next byte, 0 to 255. Like all reads, throws `WeightsFileError` at the end of the source. */
  byte(): number {
    if (this.#offset === this.#window.length) this.#refill();
    return this.#window[this.#offset++]!;
  }

  /** The next `length` bytes, copied. */
  bytes(length: number): Uint8Array {
    if (this.#window.length - this.#offset >= length) {
      const copy = this.#window.slice(this.#offset, this.#offset + length);
      this.#offset += length;
      return copy;
    }
    this.#check(length);
    const copy = new Uint8Array(length);
    const position = this.position;
    this.#source.readInto(copy, position);
    this.#windowStart = position + length;
    this.#window = new Uint8Array(0);
    this.#offset = 0;
    return copy;
  }

  /** The next `length` bytes as a DataView. */
  view(length: number): DataView {
    return dataView(this.bytes(length));
  }

  /** The next 8 bytes as a little-endian unsigned integer. Above 2^53 it is not exact, but then larger than any file. */
  uint64(): number {
    return Number(this.view(8).getBigUint64(0, true));
  }

  #refill(): void {
    this.#check(1);
    const position = this.position;
    this.#window = new Uint8Array(Math.min(windowBytes, this.#source.size - position));
    this.#source.readInto(this.#window, position);
    this.#windowStart = position;
    this.#offset = 0;
  }

  #check(length: number): void {
    if (this.position + length <= this.#source.size) return;
    throw new WeightsFileError(this.path, 'is truncated or corrupt: its pickle is not complete');
  }
}
