/** A call of an operation, as `recordOps` reports it. */
export interface OpCall {
  /** The operation's schema, as in `ops`. */
  readonly schema: string;
  /** The arguments as passed: positional ones first, those after `*` as one object at the end; defaults are missing. */
  readonly args: readonly unknown[];
  /** The result. For an in-place operation it is the first argument itself. */
  readonly result: unknown;
}

let listener: ((call: OpCall) => void) | null = null;

/**
 * Runs `work` and calls `onCall` after each operation in it: a trace of what a module's `forward` computes. The tensors
 * are alive during `onCall`; scopes in `work` may free them later. Returns the result of `work`.
 */
export function recordOps<T>(onCall: (call: OpCall) => void, work: () => T): T {
  const outer = listener;
  listener = onCall;
  try {
    return work();
  } finally {
    listener = outer;
  }
}

/**
 * Whether `recordOps` is running. A module that computes the same in one of several ways, depending on the number of rows,
 * must then take one way for any number.
 */
export const isRecording = (): boolean => listener !== null;

/** Passes a call on to `recordOps`, if one is running. */
export function reportCall(schema: string, args: readonly unknown[], result: unknown): void {
  listener?.({ schema, args, result });
}
