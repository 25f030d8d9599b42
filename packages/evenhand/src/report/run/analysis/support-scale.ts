/** Groups classes by their number of images into at most five steps with about equally many classes. */
export class SupportScale {
  /** Upper ends of the steps, ascending. */
  readonly #ends: readonly number[];
  readonly #minimum: number;

  constructor(supports: readonly number[]) {
    const sorted = [...supports].sort((a, b) => a - b);
    const steps = 5;
    const ends = Array.from({ length: steps }, (_, i) => sorted[Math.ceil(((i + 1) * sorted.length) / steps) - 1] ?? 0);
    this.#ends = [...new Set(ends)];
    this.#minimum = sorted[0] ?? 0;
  }

  /** The colour step of a class, from 0 (fewest images) to 4. */
  stepOf(support: number): number {
    const index = this.#ends.findIndex((end) => support <= end);
    return this.#colourStep(index < 0 ? this.#ends.length - 1 : index);
  }

  /** Each step with its range of images, such as `3 to 5`. */
  legend(): { step: number; text: string }[] {
    return this.#ends.map((end, i) => {
      const from = i === 0 ? this.#minimum : this.#ends[i - 1]! + 1;
      return { step: this.#colourStep(i), text: from >= end ? String(end) : `${from} to ${end}` };
    });
  }

  /** If there are fewer than five steps, their colours lie as far apart as possible. */
  #colourStep(index: number): number {
    return this.#ends.length === 1 ? 3 : Math.round((index * 4) / (this.#ends.length - 1));
  }
}
