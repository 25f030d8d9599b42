import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Progress, TrainEvent } from '../../train/index.js';
import type { TrainedRun } from '../../workflows/index.js';
import type { ErrorReport } from '../output/errors.js';
import { ProgressFile } from './progress-file.js';
import type { FromTraining, Job, ToTraining } from './protocol.js';

/** How a training process ended. */
export type Outcome =
  | { readonly type: 'done'; readonly result: TrainedRun }
  | { readonly type: 'failed'; readonly report: ErrorReport }
  /** Killed on the user's request: before there was anything to save, or by the second signal. */
  | { readonly type: 'stopped' }
  /** Without a message: `cause` is its signal or exit code. */
  | { readonly type: 'died'; readonly cause: string };

/** The stages in which there is nothing to save. */
const PREPARING: ReadonlySet<Progress['stage']> = new Set(['scan', 'duplicates']);

export interface Watcher {
  onEvent(event: TrainEvent): void;
  /** A line that a library wrote. */
  onOutput(line: string): void;
  /** The first signal, if there is something to save: the training saves and ends. */
  onStopping(): void;
}

/**
 * Trains in a separate process, so that its crash loses nothing that was written and the display stays alive. The first
 * SIGINT, SIGTERM or SIGHUP asks it to save and end, the second kills it. While it reads the data and downloads weights
 * there is nothing to save, and the first signal kills it.
 */
export function runTraining(job: Job, watcher: Watcher): Promise<Outcome> {
  const program = fileURLToPath(new URL('./child.js', import.meta.url));
  // Structured clones keep NaN, which is the loss after divergence.
  const child = fork(program, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  const send = (message: ToTraining): void => {
    if (child.connected) child.send(message, () => {});
  };
  let training = false;
  let stopping = false;
  let killed = false;
  const onSignal = (): void => {
    if (stopping || !training) {
      killed = true;
      child.kill('SIGKILL');
      return;
    }
    stopping = true;
    watcher.onStopping();
    send({ type: 'stop' });
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  for (const stream of [child.stdout!, child.stderr!]) forEachLine(stream, (line) => watcher.onOutput(line));
  const progress = new ProgressFile(job.run);
  let outcome: Outcome | undefined;
  child.on('message', (message: FromTraining) => {
    if (message.type !== 'event') {
      outcome = message;
      return;
    }
    training ||= message.event.type === 'progress' && !PREPARING.has(message.event.stage);
    progress.event(message.event);
    watcher.onEvent(message.event);
  });
  send({ type: 'start', job });
  return new Promise((resolve) => {
    let cause = '';
    child.on('error', (error) => {
      cause = error.message;
    });
    child.on('exit', (code, signal) => {
      cause = signal ?? `exit code ${code}`;
    });
    // After `exit`, and after the last message and line of output.
    child.on('close', () => {
      for (const signal of signals) process.off(signal, onSignal);
      const ended: Outcome = outcome ?? (killed ? { type: 'stopped' } : { type: 'died', cause });
      progress.end(ended);
      resolve(ended);
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
