/** Sets of the numbers 0 to n - 1 that are joined step by step (union-find). */
export class Groups {
  readonly #parent: Int32Array;

  constructor(n: number) {
    this.#parent = Int32Array.from({ length: n }, (_, i) => i);
  }

  /** The number of the group of `i`: its smallest member. */
  of(i: number): number {
    const parent = this.#parent;
    while (parent[i] !== i) {
      // Halves the path for the next search.
      parent[i] = parent[parent[i]!]!;
      i = parent[i]!;
    }
    return i;
  }

  /** Returns whether they were in different groups. */
  join(i: number, j: number): boolean {
    const [a, b] = [this.of(i), this.of(j)];
    this.#parent[Math.max(a, b)] = Math.min(a, b);
    return a !== b;
  }

  /** The groups of more than one member, each in ascending order. */
  ofSeveral(): number[][] {
    const groups = new Map<number, number[]>();
    for (let i = 0; i < this.#parent.length; i++) {
      const group = this.of(i);
      if (group === i) continue;
      const members = groups.get(group);
      if (members === undefined) groups.set(group, [group, i]);
      else members.push(i);
    }
    return [...groups.values()];
  }

  /** [N] the number of each member's group. */
  all(): Int32Array {
    return this.#parent.map((_, i) => this.of(i));
  }
}
