import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

/**
 * A program that runs one measured turn per line of its standard input and writes a `Turn` as a line of JSON, or
 * `{ "skipped": SENTENCE }` if it cannot run.
 */
export interface Contender {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Turn {
  readonly images: number;
  readonly seconds: number;
  /** Peak memory of the process so far: of the GPU if it computes on one and knows, else resident memory. */
  readonly peakMB: number;
  /** How long it compiled before its first turn; absent if it does not compile. */
  readonly compileSeconds?: number;
}

export interface Result {
  readonly name: string;
  /** Median over the turns. */
  readonly imagesPerSecond: number;
  readonly fastest: number;
  readonly slowest: number;
  readonly peakMB: number;
  readonly compileSeconds?: number;
}

/** The results of one model or task, evenhand's first. */
export interface Group {
  readonly title: string;
  readonly results: readonly Result[];
}

/**
 * Runs the contenders in turns (A B C, A B C, ...), so that other load on the machine affects all of them alike. The first
 * round is a warm-up and is not counted. A contender other than the first that cannot run is left out, with a printed
 * sentence.
 *
 * @throws Error if the first contender cannot run
 */
export async function measure(contenders: readonly Contender[], rounds: number): Promise<Result[]> {
  const running = contenders.map((contender) => ({ ...start(contender), name: contender.name, turns: [] as Turn[] }));
  const left = new Set(running);
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const each of left) {
        const answer = await each.turn();
        if ('skipped' in answer) {
          if (each === running[0]) throw new Error(`${each.name}: ${answer.skipped}`);
          console.log(`${each.name} is left out: ${answer.skipped}`);
          left.delete(each);
        } else each.turns.push(answer);
      }
      process.stderr.write(`round ${round} of ${rounds}${round === 0 ? ' (warm-up)' : ''}\n`);
    }
  } finally {
    for (const each of running) each.stop();
  }
  return [...left].map(({ name, turns: [warmUp, ...turns] }) => {
    const speeds = turns.map(({ images, seconds }) => images / seconds);
    return {
      name,
      imagesPerSecond: median(speeds),
      fastest: Math.max(...speeds),
      slowest: Math.min(...speeds),
      peakMB: turns.at(-1)!.peakMB,
      ...(warmUp!.compileSeconds === undefined ? {} : { compileSeconds: warmUp!.compileSeconds }),
    };
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

function start({ command, args, env }: Contender): { turn(): Promise<Turn | { skipped: string }>; stop(): void } {
  const child: ChildProcess = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  // The end of the process shows as the end of its output.
  child.on('error', () => {});
  child.stdin!.on('error', () => {});
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return {
    async turn() {
      child.stdin!.write('go\n');
      const { value, done } = await lines.next();
      if (done) return { skipped: `it ended before its turn was over (exit code ${await closed}).` };
      return JSON.parse(value) as Turn | { skipped: string };
    },
    stop() {
      child.stdin!.end();
    },
  };
}

// Our addon loads the OpenBLAS that shares libtorch's OpenMP threads. PyTorch gets the same one, so that the comparison does
// not depend on the BLAS.
const openBlas = '/usr/lib/x86_64-linux-gnu/openblas-openmp';

export const pythonEnv: Readonly<Record<string, string>> = existsSync(openBlas) ? { LD_LIBRARY_PATH: openBlas } : {};

/**
 * With these, glibc keeps PyTorch's freed memory, as evenhand's is kept and as PyTorch's tuning guide advises. Otherwise it is
 * returned to the system, which is expensive where page faults are slow, as in virtual machines.
 */
export const keptMemoryEnv: Readonly<Record<string, string>> = {
  GLIBC_TUNABLES:
    'glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=8589934592:glibc.malloc.top_pad=67108864',
};

/** The command of a Python with these modules; null if there is none. */
export function findPython(modules: readonly string[]): string | null {
  const candidates = [process.env.PYTHON ?? '/usr/bin/python3', 'python3', 'python'];
  const works = (python: string) => spawnSync(python, ['-c', `import ${modules.join(', ')}`]).status === 0;
  return candidates.find(works) ?? null;
}

/** The results as one table, with the speedup of the first contender of a group over each other one. */
export function report(groups: readonly Group[]): string {
  const rows = groups.flatMap(({ title, results }) => [
    [title],
    ...results.map(({ name, imagesPerSecond, slowest, fastest, peakMB, compileSeconds }, i) => [
      `  ${name}`,
      imagesPerSecond.toFixed(1),
      `${slowest.toFixed(1)} to ${fastest.toFixed(1)}`,
      i === 0 ? '' : (results[0]!.imagesPerSecond / imagesPerSecond).toFixed(2),
      peakMB.toFixed(0),
      compileSeconds === undefined ? '' : `compiled in ${compileSeconds.toFixed(0)} s`,
    ]),
  ]);
  return table([['', 'images/s', 'slowest to fastest', "evenhand's speedup", 'peak MB', ''], ...rows]);
}

/** Cells in columns as wide as their widest cell, the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[i]!))).join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

/**
 * Runs a measured turn for each line of standard input: the contender's side of `measure`.
 *
 * @param turn returns the number of images
 * @param peakBytes of the GPU so far; null if it is not known or there is none
 */
export async function serveTurns(turn: () => number, peakBytes: () => number | null = () => null): Promise<void> {
  for await (const _ of createInterface({ input: process.stdin })) {
    const begin = performance.now();
    const images = turn();
    const seconds = (performance.now() - begin) / 1000;
    const peakMB = (peakBytes() ?? process.resourceUsage().maxRSS * 1024) / 2 ** 20;
    const measured: Turn = { images, seconds, peakMB };
    process.stdout.write(`${JSON.stringify(measured)}\n`);
  }
}
