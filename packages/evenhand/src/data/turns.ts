import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long a computation may keep the event loop, in milliseconds. */
const LONGEST = 50;

/** Lets a long computation give way to the event loop, so that signals are handled and progress is shown. */
export class Turns {
  #begin = performance.now();

  /** Whether it is time to await `next`. */
  get due(): boolean {
    return performance.now() - this.#begin > LONGEST;
  }

  /** Gives way if it is time. */
  async next(): Promise<void> {
    if (!this.due) return;
    await nextTurn();
    this.#begin = performance.now();
  }
}
