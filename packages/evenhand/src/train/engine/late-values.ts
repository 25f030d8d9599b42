import { DeferredRead, type Tensor } from '@evenhand/torch';

/**
 * Values of training steps, such as losses, that are used one step late: reading them at once would let the GPU wait for
 * the next step.
 */
export class LateValues<T> {
  #pending: { values: DeferredRead; facts: T } | null = null;

  /** @param use is called once for each step, in order, with what was given to `push`; it may throw */
  constructor(private readonly use: (values: readonly number[], facts: T) => void) {}

  /** Uses the values of the step before, and starts to read those of this step: a small tensor. */
  push(values: Tensor, facts: T): void {
    const read = new DeferredRead(values);
    try {
      this.settle();
    } finally {
      this.#pending = { values: read, facts };
    }
  }

  /** Uses the values of the last step now. */
  settle(): void {
    const pending = this.#pending;
    this.#pending = null;
    if (pending) this.use(Array.from(pending.values.read(), Number), pending.facts);
  }

  dispose(): void {
    this.#pending?.values.dispose();
    this.#pending = null;
  }
}
