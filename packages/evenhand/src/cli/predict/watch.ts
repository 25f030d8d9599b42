/** How long nothing may happen after the time limit, in milliseconds. */
const PATIENCE = 5000;

/**
 * Calls `onStall` once if nothing happens for a while after a time limit, as when a file of the input never returns from a
 * read. It does not keep the program alive.
 */
export class Watch {
  readonly #timer: NodeJS.Timeout | undefined;
  #lastProgress = performance.now();

  /** @param limit in milliseconds of `performance.now()`; undefined for none */
  constructor(limit: number | undefined, onStall: () => void, patience = PATIENCE) {
    if (limit === undefined) return;
    this.#timer = setInterval(() => {
      const now = performance.now();
      if (now < limit || now < this.#lastProgress + patience) return;
      this.stop();
      onStall();
    }, patience / 5).unref();
  }

  progress(): void {
    this.#lastProgress = performance.now();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
