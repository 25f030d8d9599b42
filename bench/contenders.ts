import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A program that runs one measured turn per line of its standard input and writes a `Turn` as a line of JSON. */
export interface Contender {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Turn {
  readonly images: number;
  readonly seconds: number;
  /** Peak resident memory of the process so far. */
  readonly peakMB: number;
}

export interface Result {
  readonly name: string;
  /** Median over the turns. */
  readonly imagesPerSecond: number;
  readonly fastest: number;
  readonly slowest: number;
  readonly peakMB: number;
}

/**
 * Runs the contenders in turns (A B C, A B C, ...), so that other load on the machine affects all of them alike. The first
 * round is a warm-up and is not counted.
 */
export async function measure(contenders: readonly Contender[], rounds: number): Promise<Result[]> {
  const running = contenders.map(start);
  const turns: Turn[][] = contenders.map(() => []);
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const [i, contender] of running.entries()) {
        const turn = await contender.turn();
        if (round > 0) turns[i]!.push(turn);
      }
      process.stderr.write(`round ${round} of ${rounds}${round === 0 ? ' (warm-up)' : ''}\n`);
    }
  } finally {
    for (const contender of running) contender.stop();
  }
  return contenders.map(({ name }, i) => {
    const speeds = turns[i]!.map(({ images, seconds }) => images / seconds).sort((a, b) => a - b);
    return {
      name,
      imagesPerSecond: (speeds[(speeds.length - 1) >> 1]! + speeds[speeds.length >> 1]!) / 2,
      fastest: speeds.at(-1)!,
      slowest: speeds[0]!,
      peakMB: turns[i]!.at(-1)!.peakMB,
    };
  });
}

function start({ name, command, args, env }: Contender): { turn(): Promise<Turn>; stop(): void } {
  const child: ChildProcess = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return {
    async turn() {
      child.stdin!.write('go\n');
      const { value, done } = await lines.next();
      if (done) throw new Error(`${name} ended before its turn was over (exit code ${child.exitCode})`);
      return JSON.parse(value) as Turn;
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

/** With these, glibc keeps PyTorch's freed memory, as evenhand's is kept, and as PyTorch's tuning guide advises. */
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

/** The results as a table, followed by the speedup of the first contender over each other one. */
export function report(results: readonly Result[]): string {
  const [ours] = results;
  const width = Math.max(...results.map(({ name }) => name.length));
  const rows = results.map(
    ({ name, imagesPerSecond, slowest, fastest, peakMB }) =>
      `${name.padEnd(width)}  ${imagesPerSecond.toFixed(1).padStart(8)}  ${slowest.toFixed(1).padStart(7)} to ${fastest.toFixed(1).padEnd(7)}  ${peakMB.toFixed(0).padStart(7)}`,
  );
  const ratios = results
    .slice(1)
    .map(({ name, imagesPerSecond }) => `evenhand / ${name}: ${(ours!.imagesPerSecond / imagesPerSecond).toFixed(2)}`);
  return [`${''.padEnd(width)}  images/s   slowest, fastest  peak MB`, ...rows, '', ...ratios].join('\n');
}

/** Runs a measured turn for each line of standard input: the contender's side of `measure`. */
export async function serveTurns(turn: () => number): Promise<void> {
  for await (const _ of createInterface({ input: process.stdin })) {
    const begin = performance.now();
    const images = turn();
    const seconds = (performance.now() - begin) / 1000;
    const measured: Turn = { images, seconds, peakMB: process.resourceUsage().maxRSS / 1024 };
    process.stdout.write(`${JSON.stringify(measured)}\n`);
  }
}
