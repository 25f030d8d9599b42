import { HEADER_BYTES, type ImageRecord } from './record.js';
import type { Records, SharedRecords } from './shared.js';

/** Records in the memory of this process. Each file has a slot: int32 [8] (ready, width, height, original sizes), pixels. */
export class MemoryRecords implements Records {
  readonly #slots: Int32Array;

  constructor(private readonly shared: Extract<SharedRecords, { type: 'memory' }>) {
    this.#slots = new Int32Array(shared.slots);
  }

  keyOf(index: number): string {
    return String(this.#slots[index]);
  }

  keyOfContent(index: number): string {
    return this.keyOf(index);
  }

  read(_index: number, key: string): ImageRecord | undefined {
    const { header, pixels } = this.#slot(key);
    if (Atomics.load(header, 0) === 0) return undefined;
    const [, width, height, originalWidth, originalHeight] = header as unknown as number[];
    const data = pixels.subarray(0, width! * height! * 3);
    return { width: width!, height: height!, originalWidth: originalWidth!, originalHeight: originalHeight!, data };
  }

  /** Two workers that decode one image at once write the same bytes. */
  write(key: string, { width, height, originalWidth, originalHeight, data }: ImageRecord): void {
    const { header, pixels } = this.#slot(key);
    pixels.set(data);
    header.set([width, height, originalWidth, originalHeight], 1);
    Atomics.store(header, 0, 1);
  }

  #slot(key: string): { header: Int32Array; pixels: Uint8Array } {
    const { chunks, slotsPerChunk, slotBytes } = this.shared;
    const slot = Number(key);
    const chunk = chunks[Math.floor(slot / slotsPerChunk)]!;
    const start = (slot % slotsPerChunk) * slotBytes;
    const header = new Int32Array(chunk, start, HEADER_BYTES / 4);
    return { header, pixels: new Uint8Array(chunk, start + HEADER_BYTES, slotBytes - HEADER_BYTES) };
  }
}
