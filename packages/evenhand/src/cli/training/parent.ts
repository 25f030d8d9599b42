import { type ChildProcess, fork } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Progress, TrainEvent } from '../../train/index.js';
import type { TrainedRun } from '../../workflows/index.js';
import type { ErrorReport } from '../output/errors.js';
import { launched } from './launcher.js';
import { ProgressFile } from './progress-file.js';
import type { FromTraining, Job, ToTraining } from './protocol.js';

/** How a training ended. */
export type Outcome =
  | { readonly type: 'done'; readonly result: TrainedRun }
  | { readonly type: 'failed'; readonly report: ErrorReport }
  /** Killed on the user's request: before there was anything to save, or by the second signal. */
  | { readonly type: 'stopped' }
  /** A process ended without a message: `cause` is its signal or exit code. */
  | { readonly type: 'died'; readonly rank: number; readonly cause: string };

/** The stages in which there is nothing to save. */
const PREPARING: ReadonlySet<Progress['stage']> = new Set(['scan', 'duplicates']);

/** How long the other processes have to end by themselves once one has failed: they notice and say why. */
const GRACE_MS = 15_000;

export interface Watcher {
  onEvent(event: TrainEvent): void;
  /** A line that a library wrote. */
  onOutput(line: string): void;
  /** The first signal, if there is something to save: the training saves and ends. */
  onStopping(): void;
}

/**
 * Trains in a separate process, or in several on this machine, so that a crash loses nothing that was written and the display
 * stays alive. The first SIGINT, SIGTERM or SIGHUP asks the training to save and end, the second kills it. While it reads
 * the data and downloads weights there is nothing to save, and the first signal kills it.
 */
export async function runTraining(job: Job, watcher: Watcher, processes = 1): Promise<Outcome> {
  const environments = processes === 1 ? [{}] : await environmentsOf(processes);
  const children = environments.map((environment, rank) => start(job, rank, environment));
  let training = false;
  let stopping = false;
  let killed = false;
  const killAll = (): void => {
    for (const { child } of children) child.kill('SIGKILL');
  };
  const onSignal = (): void => {
    if (stopping || !training) {
      killed = true;
      killAll();
      return;
    }
    stopping = true;
    watcher.onStopping();
    for (const { child } of children) send(child, { type: 'stop' });
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  // Of the processes that a launcher has started, the first one's command writes it.
  const progress = (launched()?.rank ?? 0) === 0 ? new ProgressFile(job.run) : null;
  let grace: NodeJS.Timeout | undefined;
  for (const [rank, { child, ended }] of children.entries()) {
    for (const stream of [child.stdout!, child.stderr!]) forEachLine(stream, (line) => watcher.onOutput(line));
    child.on('message', (message: FromTraining) => {
      if (rank > 0 || message.type !== 'event') return;
      training ||= message.event.type === 'progress' && !PREPARING.has(message.event.stage);
      progress?.event(message.event);
      watcher.onEvent(message.event);
    });
    void ended.then(({ type }) => {
      if (type !== 'done') grace ??= setTimeout(killAll, GRACE_MS);
    });
  }
  const outcomes: Outcome[] = [];
  await Promise.all(children.map(async ({ ended }) => outcomes.push(await ended)));
  clearTimeout(grace);
  for (const signal of signals) process.off(signal, onSignal);
  // The first that failed is the reason why the others did.
  const first = outcomes.find(({ type }) => type !== 'done') ?? (await children[0]!.ended);
  const outcome: Outcome = killed && first.type === 'died' ? { type: 'stopped' } : first;
  progress?.end(outcome);
  return outcome;
}

interface Child {
  readonly child: ChildProcess;
  /** After its exit, and after its last message and line of output. */
  readonly ended: Promise<Outcome>;
}

/** Starts a training process. */
function start(job: Job, rank: number, environment: NodeJS.ProcessEnv): Child {
  const program = fileURLToPath(new URL('./child.js', import.meta.url));
  // Structured clones keep NaN, which is the loss after divergence.
  const child = fork(program, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'advanced',
    env: { ...process.env, ...environment },
  });
  send(child, { type: 'start', job });
  const ended = new Promise<Outcome>((resolve) => {
    let outcome: Outcome | undefined;
    let cause = '';
    child.on('message', (message: FromTraining) => {
      if (message.type !== 'event') outcome = message;
    });
    child.on('error', (error) => {
      cause = error.message;
    });
    child.on('exit', (code, signal) => {
      cause = signal ?? `exit code ${code}`;
    });
    child.on('close', () => resolve(outcome ?? { type: 'died', rank, cause }));
  });
  return { child, ended };
}

function send(child: ChildProcess, message: ToTraining): void {
  if (child.connected) child.send(message, () => {});
}

/** What a launcher would say to the processes of a training on this machine alone. */
async function environmentsOf(processes: number): Promise<NodeJS.ProcessEnv[]> {
  const port = await freePort();
  return Array.from({ length: processes }, (_, rank) => ({
    RANK: String(rank),
    LOCAL_RANK: String(rank),
    WORLD_SIZE: String(processes),
    LOCAL_WORLD_SIZE: String(processes),
    MASTER_ADDR: '127.0.0.1',
    MASTER_PORT: String(port),
  }));
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function forEachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}
