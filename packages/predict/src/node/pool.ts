import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { ImageSource } from '../decode.js';
import { firstLine } from '../describe.js';
import { ImageError } from '../image.js';
import type { Run } from '../model.js';
import { ModelError } from '../model-error.js';
import type { View } from '../views.js';
import { Gate } from './gate.js';
import type { Failure, FromWorker, Job, Setup } from './protocol.js';

interface Pending {
  readonly resolve: (run: Run) => void;
  readonly reject: (error: Error) => void;
}

/** How long the end of the process waits for workers that are inside ONNX Runtime, in milliseconds. */
const EXIT_PATIENCE = 10_000;

/** Worker threads with one session each. They keep the program alive only while there is work. */
export class Pool {
  readonly #members: readonly Member[];
  #jobs = 0;

  private constructor(members: readonly Member[]) {
    this.#members = members;
  }

  /** @throws ModelError if ONNX Runtime cannot load the model or the device is not available */
  static async open(setup: Omit<Setup, 'gate'>, workers: number): Promise<{ pool: Pool; trial: number }> {
    const members = Array.from({ length: workers }, () => new Member(setup));
    try {
      const trials = await Promise.all(members.map((member) => member.ready));
      return { pool: new Pool(members), trial: Math.max(...trials) };
    } catch (error) {
      // Each waits until its worker has finished loading, which must not be cut off.
      await Promise.all(members.map((member) => member.close()));
      throw error;
    }
  }

  /** Runs an image on the worker with the fewest jobs. */
  run(image: ImageSource, views: readonly View[], members = 1): Promise<Run> {
    const idlest = this.#members.reduce((a, b) => (b.jobs < a.jobs ? b : a));
    return idlest.run({ id: this.#jobs++, image, views, members });
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.close()));
  }
}

/** Workers that have not ended. */
const alive = new Set<Member>();

process.on('exit', () => {
  const deadline = performance.now() + EXIT_PATIENCE;
  for (const member of alive) member.gate.tryClose();
  for (const member of alive) member.gate.closeSync(Math.max(0, deadline - performance.now()));
});

class Member {
  /** Milliseconds that one view takes. */
  readonly ready: Promise<number>;
  readonly gate = Gate.create();
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #failure: Error | undefined;
  #closing = false;

  constructor(setup: Omit<Setup, 'gate'>) {
    const { name } = setup;
    const workerData: Setup = { ...setup, gate: this.gate.buffer };
    // Without the program's own flags: a worker refuses --input-type, which a program given with -e may have.
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData, execArgv: [] });
    alive.add(this);
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: FromWorker) => {
        if (message.kind === 'ready') {
          this.#worker.unref();
          resolve(message.trial);
        } else if (message.kind === 'refused') {
          reject(message.model ? new ModelError(message.reason) : describeRefusal(setup, message.reason));
        } else this.#settle(message);
      });
      this.#worker.on('error', (error: Error) => {
        const failure = withSystemCode(error);
        reject(failure);
        this.#fail(failure);
      });
      this.#worker.on('exit', () => {
        alive.delete(this);
        this.#fail(new Error(`${name}: the model was closed.`));
      });
    });
    this.ready.catch(() => {});
  }

  /** The number of jobs that are not done. */
  get jobs(): number {
    return this.#pending.size;
  }

  run(job: Job): Promise<Run> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      if (this.#pending.size === 0) this.#worker.ref();
      this.#pending.set(job.id, { resolve, reject });
      this.#worker.postMessage(job);
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    while (alive.has(this) && !this.gate.tryClose()) await sleep(2);
    await this.#worker.terminate();
  }

  #settle(message: Extract<FromWorker, { id: number }>): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    // A program that waits for the worker to end must not end before it.
    if (this.#pending.size === 0 && !this.#closing) this.#worker.unref();
    if (message.kind === 'done') pending?.resolve(message.run);
    else pending?.reject(errorOf(message.failure));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
  }
}

function errorOf(failure: Failure): Error {
  if (failure.cause === 'image') return new ImageError(failure.file, failure.reason);
  if (failure.cause === 'model') return new ModelError(failure.reason);
  const { code, syscall, path } = failure;
  return Object.assign(new Error(failure.reason), code === undefined ? {} : { code, syscall, path });
}

/** A worker that cannot start for lack of open files or memory says so only in its message. */
function withSystemCode(error: Error): Error {
  const code = /^Worker initialization failure: (E[A-Z]+)/.exec(error.message)?.[1];
  return code === undefined ? error : Object.assign(error, { code, syscall: 'worker' });
}

/** Turns ONNX Runtime's message into one that names the file and the remedy. */
function describeRefusal({ name, provider }: Omit<Setup, 'gate'>, reason: string): ModelError {
  const words = firstLine(reason.replace(/^\/onnxruntime_src\/.* was false\. /, ''));
  return provider === 'cpu'
    ? new ModelError(`${name}: ONNX Runtime cannot load the model: ${words}.`)
    : new ModelError(`${name}: the device ${provider} is not available: ${words}; choose another one, such as cpu.`);
}
