import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { median } from './contenders.js';
import type { Link } from './distributed-network.js';
import type { TurnName } from './distributed-settings.js';

/** The processes of a group, of evenhand or PyTorch. */
export class Ranks {
  readonly turns: Record<TurnName, number[]> = { none: [], after: [], during: [], alone: [] };
  readonly #children: ChildProcess[];
  readonly #lines: AsyncIterator<string>[];

  constructor(
    readonly name: string,
    readonly processes: number,
    /** Which turns it has: PyTorch's DDP has no communication after the backward pass. */
    readonly has: readonly TurnName[],
    command: readonly [string, ...string[]],
    env: Readonly<Record<string, string>>,
    port: number,
    link: Link | null,
  ) {
    this.#children = Array.from({ length: processes }, (_, rank) => {
      const side = link && processes > 1 ? (rank < processes / 2 ? 0 : 1) : null;
      const [program, ...args] = side === null ? command : ['ip', 'netns', 'exec', link!.sides[side], ...command];
      return spawn(program!, args, {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: {
          ...process.env,
          ...env,
          RANK: String(rank),
          WORLD_SIZE: String(processes),
          MASTER_ADDR: side === null ? '127.0.0.1' : link!.address,
          MASTER_PORT: String(port),
          // PyTorch would bind to the address of the host's name.
          GLOO_SOCKET_IFNAME: side === null ? 'lo' : link!.interfaces[side],
        },
      });
    });
    for (const child of this.#children) child.stdin!.on('error', () => {});
    this.#lines = this.#children.map((child) => createInterface({ input: child.stdout! })[Symbol.asyncIterator]());
  }

  /** Milliseconds of a step of the slowest process. */
  async turn(name: TurnName): Promise<number> {
    for (const child of this.#children) child.stdin!.write(`${name}\n`);
    const answers = await Promise.all(this.#lines.map((lines) => lines.next()));
    if (answers.some(({ done }) => done)) throw new Error(`A process of ${this.name} ended before its turn was over.`);
    return Math.max(...answers.map(({ value }) => Number(value)));
  }

  milliseconds(name: TurnName): number | null {
    return this.turns[name].length === 0 ? null : median(this.turns[name]);
  }

  stop(): void {
    for (const child of this.#children) child.stdin!.end();
  }
}
