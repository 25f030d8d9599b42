const OUTSIDE = 0;
const INSIDE = 1;
const CLOSED = 2;

/**
 * Keeps a worker from being stopped while it is inside ONNX Runtime: the native call could then not return to JavaScript,
 * and Node would abort the whole process. The worker enters before a native call and leaves after it; who wants to stop
 * the worker closes the gate first. A new gate counts as entered, since a worker starts by loading native code.
 */
export class Gate {
  readonly #state: Int32Array;

  constructor(
    /** Shared between the threads. */
    readonly buffer: SharedArrayBuffer,
  ) {
    this.#state = new Int32Array(buffer);
  }

  static create(): Gate {
    const gate = new Gate(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    gate.#state[0] = INSIDE;
    return gate;
  }

  /** For the worker. Returns false if the gate is closed. */
  enter(): boolean {
    return Atomics.compareExchange(this.#state, 0, OUTSIDE, INSIDE) === OUTSIDE;
  }

  /** For the worker. */
  leave(): void {
    Atomics.store(this.#state, 0, OUTSIDE);
    Atomics.notify(this.#state, 0);
  }

  /** Closes the gate unless the worker is inside; returns whether it is closed. */
  tryClose(): boolean {
    return Atomics.compareExchange(this.#state, 0, OUTSIDE, CLOSED) !== INSIDE;
  }

  /** Closes the gate, waiting at most this long for the worker to leave. It blocks the thread. */
  closeSync(milliseconds: number): void {
    if (!this.tryClose() && Atomics.wait(this.#state, 0, INSIDE, milliseconds) !== 'timed-out') this.tryClose();
  }
}
