import type { ServeLimits } from './limits.js';
import { Problem } from './problem.js';

interface Job {
  readonly tasks: (() => Promise<void>)[];
}

/**
 * Runs tasks, one for each image, a few at a time. Images wait as encoded bytes, so a few decoded ones are in memory. The
 * requests take turns: one of a single image does not wait for all of a request of many.
 */
export class ImageQueue {
  readonly #jobs: Job[] = [];
  readonly #byClient = new Map<string, number>();
  #running = 0;
  #size = 0;

  /** @param parallel how many run at a time */
  constructor(
    private readonly parallel: number,
    private readonly limits: Pick<ServeLimits, 'queue' | 'clientQueue'>,
  ) {}

  /** The images that wait or run. */
  get size(): number {
    return this.#size;
  }

  /** @throws Problem if there is no place for `count` images of a client */
  admit(client: string, count: number): void {
    const { queue, clientQueue } = this.limits;
    if ((this.#byClient.get(client) ?? 0) + count > clientQueue) {
      throw new Problem(429, `One client may have ${clientQueue} images in work; wait for their answers.`);
    }
    if (this.#size + count > queue) throw new Problem(503, 'The server has too many images in work; try again later.');
  }

  /**
   * Runs a task for each image of a request. If `signal` is aborted, those that have not begun never do.
   *
   * @throws Problem if there is no place for them; the reason of `signal`
   */
  async run<T>(client: string, tasks: readonly (() => Promise<T>)[], signal: AbortSignal): Promise<T[]> {
    this.admit(client, tasks.length);
    signal.throwIfAborted();
    const results: T[] = [];
    await new Promise<void>((resolve, reject) => {
      let left = tasks.length;
      const job: Job = {
        tasks: tasks.map((task, i) => async () => {
          try {
            results[i] = await task();
            if (--left === 0) resolve();
          } catch (error) {
            this.#drop(job, client);
            reject(error);
          } finally {
            this.#count(client, -1);
          }
        }),
      };
      this.#count(client, tasks.length);
      signal.addEventListener('abort', () => {
        this.#drop(job, client);
        reject(signal.reason);
      });
      this.#jobs.push(job);
      this.#start();
    });
    return results;
  }

  #start(): void {
    while (this.#running < this.parallel) {
      const job = this.#jobs.shift();
      if (job === undefined) return;
      const task = job.tasks.shift();
      if (task === undefined) continue;
      if (job.tasks.length > 0) this.#jobs.push(job);
      this.#running++;
      void task().finally(() => {
        this.#running--;
        this.#start();
      });
    }
  }

  /** Removes the tasks of a job that have not begun. */
  #drop(job: Job, client: string): void {
    this.#count(client, -job.tasks.splice(0).length);
  }

  #count(client: string, change: number): void {
    this.#size += change;
    const count = (this.#byClient.get(client) ?? 0) + change;
    if (count > 0) this.#byClient.set(client, count);
    else this.#byClient.delete(client);
  }
}
