/** Classes by their number of images, in at most five steps of about equally many classes. */
export class SupportScale {
  /** Upper ends, rising. */
  readonly #ends: readonly number[];
  readonly #least: number;

  constructor(supports: readonly number[]) {
    const sorted = [...supports].sort((a, b) => a - b);
    const steps = 5;
    const ends = Array.from({ length: steps }, (_, i) => sorted[Math.ceil(((i + 1) * sorted.length) / steps) - 1] ?? 0);
    this.#ends = [...new Set(ends)];
    this.#least = sorted[0] ?? 0;
  }

  /** From 0, the fewest, to 4. */
  stepOf(support: number): number {
    const at = this.#ends.findIndex((end) => support <= end);
    return this.#spread(at < 0 ? this.#ends.length - 1 : at);
  }

  /** Each step with the numbers that are in it, such as `3 to 5`. */
  legend(): { step: number; text: string }[] {
    return this.#ends.map((end, i) => {
      const from = i === 0 ? this.#least : this.#ends[i - 1]! + 1;
      return { step: this.#spread(i), text: from >= end ? String(end) : `${from} to ${end}` };
    });
  }

  /** Few steps lie as far apart as they can. */
  #spread(at: number): number {
    return this.#ends.length === 1 ? 3 : Math.round((at * 4) / (this.#ends.length - 1));
  }
}
