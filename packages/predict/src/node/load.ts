import { existsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import type { Pace } from '../deadline.js';
import type { ImageSource } from '../decode.js';
import { type ModelMetadata, metadataOf } from '../metadata.js';
import { Model, type Run } from '../model.js';
import { ModelError } from '../model-error.js';
import { checkLoadOptions, type LoadOptions } from '../options.js';
import { FileError, readRegularFile } from '../read-file.js';
import type { View } from '../views.js';
import { Pool } from './pool.js';

/** Views that run together: a GPU is fastest with many, a CPU core with one, as its activations stay in the cache. */
const GPU_BATCH = 16;

/** It exists if NVIDIA's driver is loaded. */
const NVIDIA_DRIVER = '/dev/nvidiactl';

/** Memory of a session relative to its file: weights in several layouts, and activations. */
const MEMORY_FACTOR = 4;

/** A model in Node. Images are paths, or the bytes of image files. */
export class NodeModel extends Model<ImageSource> {
  readonly #pool: Pool;

  constructor(
    metadata: ModelMetadata,
    pace: Pace,
    name: string,
    pool: Pool,
    /** `cpu`, `cuda` or `webgpu`. */
    readonly device: string,
    /** Why `auto` did not choose CUDA although there is a driver for it; else undefined. */
    readonly whyNotCuda?: string,
  ) {
    super(metadata, pace, name);
    this.#pool = pool;
  }

  protected override run(image: ImageSource, views: readonly View[], members: number): Promise<Run> {
    return this.#pool.run(image, views, members);
  }

  override close(): Promise<void> {
    return this.#pool.close();
  }
}

/**
 * Loads a model into worker threads, so that the program stays responsive. They end with the program, or by `close`.
 *
 * @param model path or bytes of an ONNX file from evenhand; files of other programs need `labels` and `preset`
 * @throws ModelError if the file is missing, is not a regular file or not a model, does not fit its labels and preset, or
 * the device is not available; TypeError for an invalid option
 */
export async function load(model: string | Uint8Array, options: LoadOptions = {}): Promise<NodeModel> {
  checkLoadOptions(options);
  const name = typeof model === 'string' ? model : 'The model';
  const bytes = typeof model === 'string' ? await readModelFile(model) : model;
  const metadata = metadataOf(bytes, name, options);
  const { device = 'auto', threads = availableParallelism() } = options;
  const open = (provider: string, whyNotCuda?: string) =>
    openOn(provider, model, bytes.length, name, metadata, threads, whyNotCuda);
  if (device !== 'auto') return open(device);
  // Whether CUDA and ONNX Runtime's files for it are installed shows only when a session is created.
  return openOnFirst(existsSync(NVIDIA_DRIVER), open);
}

/** Opens on `cuda` if there is a driver for it and that works, else on `cpu`, with the reason why a driver is not used. */
export async function openOnFirst(
  hasDriver: boolean,
  open: (device: string, whyNotCuda?: string) => Promise<NodeModel>,
): Promise<NodeModel> {
  if (!hasDriver) return open('cpu');
  let refusal: unknown;
  try {
    return await open('cuda');
  } catch (error) {
    refusal = error;
  }
  return open('cpu', reasonOf(refusal));
}

/** ONNX Runtime's words in our message about a device that is not available; of another error, its first line. */
function reasonOf(error: unknown): string {
  const { message } = error instanceof Error ? error : new Error(String(error));
  return /the device cuda is not available: (.*); choose another one/s.exec(message)?.[1] ?? message.split('\n', 1)[0]!;
}

async function openOn(
  device: string,
  model: string | Uint8Array,
  size: number,
  name: string,
  metadata: ModelMetadata,
  threads: number,
  whyNotCuda?: string,
): Promise<NodeModel> {
  const { classes, preset, members = 1 } = metadata;
  // One session per thread: none waits for another. Models too large for that share sessions of several threads.
  const mostSessions = Math.max(1, Math.floor(totalmem() / 2 / (size * MEMORY_FACTOR)));
  const workers = device === 'cpu' ? Math.min(threads, mostSessions) : 1;
  const batch = device === 'cpu' ? 1 : GPU_BATCH;
  const threadsPerWorker = Math.max(1, Math.floor(threads / workers));
  const setup = {
    model,
    name,
    metadata: { classes, preset, members },
    provider: device,
    threads: threadsPerWorker,
    batch,
  };
  const { pool, trial } = await Pool.open(setup, workers);
  // One image runs while the next is decoded.
  return new NodeModel(metadata, { lanes: workers, ahead: 2 * batch, trial }, name, pool, device, whyNotCuda);
}

/** The bytes of a model file. @throws ModelError if it is missing, empty, not a regular file or not readable */
export async function readModelFile(path: string): Promise<Uint8Array> {
  try {
    return await readRegularFile(path, 'a model file');
  } catch (error) {
    if (error instanceof FileError) throw new ModelError(`${path}: ${error.message}.`, { cause: error });
    throw error;
  }
}
