import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A program that does one measured turn for each line it reads and answers each with a `Turn` as a line of JSON. */
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
 * Runs the contenders in turns, so that whatever else the machine does hits all of them alike: A B C, A B C, ... The
 * first round warms up and is not counted.
 */
export async function measure(contenders: readonly Contender[], rounds: number): Promise<Result[]> {
  const running = contenders.map(start);
  const turns: Turn[][] = contenders.map(() => []);
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const [i, each] of running.entries()) {
        const turn = await each.turn();
        if (round > 0) turns[i]!.push(turn);
      }
      process.stderr.write(`round ${round} of ${rounds}${round === 0 ? ' (warm-up)' : ''}\n`);
    }
  } finally {
    for (const each of running) each.stop();
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
      if (done) throw new Error(`${name} ended before it had answered (exit code ${child.exitCode})`);
      return JSON.parse(value) as Turn;
    },
    stop() {
      child.stdin!.end();
    },
  };
}

// Our addon loads the OpenBLAS that shares libtorch's OpenMP threads; the peer gets the same one, so that libraries do
// not decide the comparison.
const openBlas = '/usr/lib/x86_64-linux-gnu/openblas-openmp';

export const pythonEnv: Readonly<Record<string, string>> = existsSync(openBlas) ? { LD_LIBRARY_PATH: openBlas } : {};

/** A Python that has these modules; null where there is none. */
export function findPython(modules: readonly string[]): string | null {
  const works = (python: string) => spawnSync(python, ['-c', `import ${modules.join(', ')}`]).status === 0;
  return ['/usr/bin/python3', 'python3', 'python'].find(works) ?? null;
}

/** The results as a table, and every ratio to the first contender. */
export function report(results: readonly Result[]): string {
  const [ours] = results;
  const width = Math.max(...results.map(({ name }) => name.length));
  const rows = results.map(
    ({ name, imagesPerSecond, slowest, fastest, peakMB }) =>
      `${name.padEnd(width)}  ${imagesPerSecond.toFixed(1).padStart(8)}  ${slowest.toFixed(1).padStart(7)} to ${fastest.toFixed(1).padEnd(7)}  ${peakMB.toFixed(0).padStart(7)}`,
  );
  const ratios = results
    .slice(1)
    .map(({ name, imagesPerSecond }) => `ours / ${name}: ${(ours!.imagesPerSecond / imagesPerSecond).toFixed(2)}`);
  return [`${''.padEnd(width)}  images/s   slowest, fastest  peak MB`, ...rows, '', ...ratios].join('\n');
}

/** Answers each line on standard input with a measured turn: the contender's side of `measure`. */
export async function answerTurns(turn: () => number): Promise<void> {
  for await (const _ of createInterface({ input: process.stdin })) {
    const begin = performance.now();
    const images = turn();
    const seconds = (performance.now() - begin) / 1000;
    const answer: Turn = { images, seconds, peakMB: process.resourceUsage().maxRSS / 1024 };
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}
