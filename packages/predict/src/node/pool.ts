import { Worker } from 'node:worker_threads';
import type { ImageSource } from '../decode.js';
import { ImageError } from '../image.js';
import { ModelError } from '../metadata.js';
import type { Run } from '../model.js';
import type { View } from '../views.js';
import type { FromWorker, Job, Setup } from './protocol.js';

interface Pending {
  readonly resolve: (run: Run) => void;
  readonly reject: (error: Error) => void;
}

/** Worker threads with a session each. They keep the program alive only while there is work. */
export class Pool {
  readonly #members: Member[];
  #ids = 0;

  private constructor(members: Member[]) {
    this.#members = members;
  }

  /** @throws ModelError where ONNX Runtime cannot load the model or the device is not there */
  static async open(setup: Setup, workers: number): Promise<{ pool: Pool; trial: number }> {
    const members = Array.from({ length: workers }, () => new Member(setup));
    try {
      const trials = await Promise.all(members.map((member) => member.ready));
      return { pool: new Pool(members), trial: Math.max(...trials) };
    } catch (error) {
      await Promise.all(members.map((member) => member.close()));
      throw error;
    }
  }

  /** Runs an image on the worker that has the least to do. */
  run(image: ImageSource, views: readonly View[]): Promise<Run> {
    const idlest = this.#members.reduce((a, b) => (b.load < a.load ? b : a));
    return idlest.run({ id: this.#ids++, image, views });
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.close()));
  }
}

class Member {
  /** Milliseconds that one view takes. */
  readonly ready: Promise<number>;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #broken: Error | undefined;

  constructor({ name, ...setup }: Setup) {
    // Not the program's own flags: a worker refuses --input-type, which a program given by -e may have.
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: { name, ...setup },
      execArgv: [],
    });
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: FromWorker) => {
        if (message.kind === 'ready') {
          this.#worker.unref();
          resolve(message.trial);
        } else if (message.kind === 'refused') {
          reject(message.model ? new ModelError(message.reason) : refusalOf(name, setup.provider, message.reason));
        } else this.#settle(message);
      });
      this.#worker.on('error', (error: Error) => {
        reject(error);
        this.#break(error);
      });
      this.#worker.on('exit', () => this.#break(new Error(`${name}: the model was closed.`)));
    });
    this.ready.catch(() => {});
  }

  get load(): number {
    return this.#pending.size;
  }

  run(job: Job): Promise<Run> {
    if (this.#broken) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      if (this.#pending.size === 0) this.#worker.ref();
      this.#pending.set(job.id, { resolve, reject });
      this.#worker.postMessage(job);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(message: Extract<FromWorker, { id: number }>): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (this.#pending.size === 0) this.#worker.unref();
    if (message.kind === 'done') pending?.resolve({ logits: message.logits, milliseconds: message.milliseconds });
    else if (message.file === undefined) pending?.reject(new Error(message.reason));
    else pending?.reject(new ImageError(message.file, message.reason));
  }

  #break(error: Error): void {
    this.#broken ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#broken);
    this.#pending.clear();
  }
}

/** ONNX Runtime's own words, and what they mean. */
function refusalOf(name: string, provider: string, reason: string): ModelError {
  const words = reason
    .split('\n', 1)[0]!
    .replace(/^\/onnxruntime_src\/.* was false\. /, '')
    .replace(/\.$/, '');
  return provider === 'cpu'
    ? new ModelError(`${name}: ONNX Runtime cannot load the model: ${words}.`)
    : new ModelError(
        `${name}: the device ${provider} cannot be used here: ${words}; choose another device, such as cpu.`,
      );
}
