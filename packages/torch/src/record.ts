/** A call of an operation as `recordOps` tells of it. */
export interface OpCall {
  /** The operation's schema, as in `ops`. */
  readonly schema: string;
  /** As given: those before `*` by position, those after it in one object at the end; defaults are left out. */
  readonly args: readonly unknown[];
  /** What it gave. An operation in place gives its first argument itself. */
  readonly result: unknown;
}

let listener: ((call: OpCall) => void) | null = null;

/**
 * Runs `work` and tells `onCall` of every operation in it, after it ran and in order: what a module's `forward` computes,
 * as a list. Tensors are alive while `onCall` looks at them; the scopes of `work` may free them after.
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

/** Tells whoever records; called for each operation. */
export function tellCall(schema: string, args: readonly unknown[], result: unknown): void {
  listener?.({ schema, args, result });
}
