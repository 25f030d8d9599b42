import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ImageError, type Preset } from '@evenhand/predict';
import type { Part } from '../../part.js';
import type { AugmentOptions } from '../augment/index.js';
import { DataError } from '../errors.js';
import type { Sample } from '../read/formats.js';
import { type RecordCache, type RecordKind, squashSize } from '../records/index.js';
import { type FromWorker, type Pass, positionsOf, type ToWorker, type WorkerSetup } from './loader-protocol.js';

/** A message of a worker about a pass. */
type FromPass = Exclude<FromWorker, { kind: 'cacheFailed' }>;

/** Consecutive samples of a pass; H = W = `preset.crop`. */
export interface Batch {
  /**
   * [N, H, W, 3], values in [0, 255], not normalised: a view of the loader's memory. It is valid until the next batch is
   * asked for; copy what is needed longer.
   */
  readonly pixels: Uint8Array;
  /** [N]: class indices. */
  readonly labels: Int32Array;
  /** [N]: indices into the loader's `samples`. */
  readonly indices: Int32Array;
}

export interface LoaderOptions {
  readonly samples: readonly Sample[];
  readonly batchSize: number;
  readonly preset: Preset;
  /**
   * The part of each batch to load, for processes that share the work; default all of it. `batchSize` is a multiple of
   * the number of parts. Random transforms depend on positions in the pass, so the parts together are the batch.
   */
  readonly part?: Part;
  /** Random transforms for training; omit it for evaluation, which applies the preset only. */
  readonly augment?: AugmentOptions;
  /** Seed of the random transforms, default 0. */
  readonly seed?: number;
  /** Keeps decoded images; default none. It does not change a pixel. */
  readonly cache?: RecordCache;
  /** The size to which images are decoded before they are augmented; by default `squashSize` of the preset and `augment`. */
  readonly squash?: number;
  /** Number of decoding threads; default one per core. */
  readonly workers?: number;
  /** Number of batches to prepare ahead, default 3. It bounds memory, whatever the size of the data. */
  readonly prefetch?: number;
}

export interface PassOptions {
  /** With the seed and a sample's position it determines the random transforms; default 0. */
  readonly epoch?: number;
  /** The first batch to load, to resume within a pass. */
  readonly startBatch?: number;
  /** Drops the last batch if it is incomplete. */
  readonly dropLast?: boolean;
}

const WHOLE: Part = { index: 0, count: 1 };

/**
 * Loads samples into batches ahead of time, in worker threads that continue while the main thread computes.
 *
 * A batch is a pure function of (samples, preset, augment, seed, epoch, order, its number): neither the number of
 * workers nor their timing changes a pixel. Only one pass may run at a time; `close` ends the workers.
 */
export class Loader {
  readonly #options: LoaderOptions & { readonly part: Part };
  /** Samples in the part of a whole batch. */
  readonly #partSize: number;
  readonly #slots: number;
  #workers: Worker[] = [];
  #passes = 0;
  #busy = false;
  #listener: (message: FromPass | Error) => void = () => {};

  /** Samples in a batch of all parts. */
  get batchSize(): number {
    return this.#options.batchSize;
  }

  /** @throws DataError when there are no samples or a count is not a whole number of at least 1 */
  constructor(options: LoaderOptions) {
    const { samples, batchSize, part = WHOLE, workers = 1, prefetch = 3 } = options;
    if (samples.length === 0) throw new DataError('There are no samples to load: give at least one.');
    for (const [name, value] of Object.entries({ batchSize, workers, prefetch })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new DataError(`The loader's ${name} is ${value}; expected a whole number of 1 or more.`);
      }
    }
    if (batchSize % part.count !== 0) {
      throw new DataError(`The loader's batchSize is ${batchSize}; expected a multiple of the ${part.count} parts.`);
    }
    this.#options = { ...options, part };
    this.#partSize = batchSize / part.count;
    // One more, as the batch that was yielded last stays until the next one is asked for.
    this.#slots = prefetch + 1;
  }

  /**
   * Yields the batches of one pass over the samples in `order` (indices into `samples`, default 0 to N - 1).
   * Breaking out of the loop ends the pass.
   * @throws ImageError naming the file when an image cannot be read
   */
  async *batches(order?: ArrayLike<number>, options: PassOptions = {}): AsyncGenerator<Batch, void, undefined> {
    const { samples, batchSize, part } = this.#options;
    const { startBatch = 0, dropLast = false } = options;
    if (this.#busy)
      throw new Error('Loader.batches: the previous pass has not ended; finish it or break out of its loop first.');
    this.#busy = true;
    const count = order?.length ?? samples.length;
    const end = dropLast ? count - (count % batchSize) : count;
    const pass = this.#pass(order, count, end, options);
    const loaded = new Set<number>();
    let failure: Error | undefined;
    let wake = (): void => {};
    this.#listener = (message) => {
      if (message instanceof Error) failure = message;
      else if (message.id !== pass.id) return;
      else if (message.kind === 'ready') loaded.add(message.batch);
      else failure = failureOf(message.file, message.reason);
      wake();
    };
    const workers = this.#start();
    for (const worker of workers) worker.ref();
    this.#post(pass);
    try {
      for (let batch = startBatch; batch * batchSize < end; batch++) {
        const range = positionsOf(batch, batchSize, end, part);
        if (range.start === range.end) continue;
        while (!loaded.delete(batch)) {
          if (failure !== undefined) throw failure;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        Atomics.store(new Int32Array(pass.progress), 1 + (batch % this.#slots), 0);
        yield this.#batch(pass, batch % this.#slots, range);
        this.#post({ kind: 'taken', id: pass.id, upTo: batch + 1 });
      }
    } finally {
      this.#post({ kind: 'stop', id: pass.id });
      for (const worker of workers) worker.unref();
      this.#listener = () => {};
      this.#busy = false;
    }
  }

  /** Ends the workers. The loader can be used again; it then starts new ones. */
  async close(): Promise<void> {
    const workers = this.#workers;
    this.#workers = [];
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #pass(order: ArrayLike<number> | undefined, count: number, end: number, options: PassOptions): Pass {
    const { samples, preset } = this.#options;
    const { epoch = 0, startBatch = 0 } = options;
    const partSize = this.#partSize;
    const shared = new Int32Array(new SharedArrayBuffer(count * 4));
    for (let i = 0; i < count; i++) {
      const index = order?.[i] ?? i;
      if (!(index >= 0 && index < samples.length)) throw new RangeError(`Loader.batches: there is no sample ${index}.`);
      shared[i] = index;
    }
    const progress = new Int32Array(new SharedArrayBuffer((1 + this.#slots) * 4));
    progress[0] = startBatch * partSize;
    const pixels = new SharedArrayBuffer(this.#slots * partSize * preset.crop ** 2 * 3);
    const id = ++this.#passes;
    return { kind: 'pass', id, epoch, order: shared.buffer, end, startBatch, pixels, progress: progress.buffer };
  }

  #batch(pass: Pass, slot: number, { start, end }: { start: number; end: number }): Batch {
    const { samples, preset } = this.#options;
    const bytes = preset.crop ** 2 * 3;
    const pixels = new Uint8Array(pass.pixels, slot * this.#partSize * bytes, (end - start) * bytes);
    const indices = new Int32Array(pass.order).slice(start, end);
    return { pixels, labels: indices.map((index) => samples[index]!.label), indices };
  }

  #start(): Worker[] {
    const { samples, preset, batchSize, part, augment, cache, seed = 0 } = this.#options;
    const { workers = availableParallelism() } = this.#options;
    if (this.#workers.length >= workers) return this.#workers;
    const files = samples.map((sample) => sample.file);
    const kind = this.#kind();
    const records = cache?.share(kind, files);
    const setup: WorkerSetup = { files, preset, batchSize, slots: this.#slots, part, seed, augment, kind, records };
    while (this.#workers.length < workers) {
      // Without the process's own flags: a worker rejects --input-type, which `node -e` programs may have.
      const worker = new Worker(new URL('./loader-worker.js', import.meta.url), { workerData: setup, execArgv: [] });
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'cacheFailed') cache?.onFailure(message.reason);
        else this.#listener(message);
      });
      worker.on('error', (error) => this.#listener(error));
      worker.on('exit', () => {
        this.#workers = this.#workers.filter((other) => other !== worker);
      });
      this.#workers.push(worker);
    }
    return this.#workers;
  }

  #kind(): RecordKind {
    const { preset, augment, squash } = this.#options;
    if (!augment) return { type: 'eval', preset };
    return { type: 'train', squash: squash ?? squashSize(preset.crop, augment.scale) };
  }

  #post(message: ToWorker): void {
    for (const worker of this.#workers) worker.postMessage(message);
  }
}

function failureOf(file: string | undefined, reason: string): Error {
  return file === undefined ? new Error(`The loader failed: ${reason}`) : new ImageError(file, reason);
}
