import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import type { Pace } from '../deadline.js';
import type { ImageSource } from '../decode.js';
import { ModelError, type ModelMetadata, metadataOf } from '../metadata.js';
import { Model, type Run } from '../model.js';
import { checkLoadOptions, type LoadOptions } from '../options.js';
import type { View } from '../views.js';
import { Pool } from './pool.js';

/** Views that run together: a GPU is fastest with many, a core with one, whose intermediate results stay in its cache. */
const GPU_BATCH = 16;

/** There where a driver of NVIDIA is loaded. */
const NVIDIA_DRIVER = '/dev/nvidiactl';

/** A session holds its weights in several forms, and intermediate results. */
const COPIES = 4;

/** A model in Node. Images are paths or the bytes of their files. */
export class NodeModel extends Model<ImageSource> {
  readonly #pool: Pool;

  constructor(
    metadata: ModelMetadata,
    pace: Pace,
    pool: Pool,
    /** Where it computes: `cpu`, `cuda` or `webgpu`. */
    readonly device: string,
  ) {
    super(metadata, pace);
    this.#pool = pool;
  }

  protected override run(image: ImageSource, views: readonly View[]): Promise<Run> {
    return this.#pool.run(image, views);
  }

  override close(): Promise<void> {
    return this.#pool.close();
  }
}

/**
 * Loads a model into worker threads, so that predicting does not hold up the program. They end with it, or by `close`.
 *
 * @param model path of an ONNX file that evenhand wrote, or its bytes; one of another program needs `labels` and `preset`
 * @throws ModelError, a sentence, where the file is missing, is none, or does not fit its labels and preset, or the
 * device is not there; TypeError where an option is not one
 */
export async function load(model: string | Uint8Array, options: LoadOptions = {}): Promise<NodeModel> {
  checkLoadOptions(options);
  const name = typeof model === 'string' ? model : 'The model';
  const bytes = typeof model === 'string' ? await readModel(model) : model;
  const metadata = metadataOf(bytes, name, options);
  const { device = 'auto', threads = availableParallelism() } = options;
  const open = (on: string) => openOn(on, model, bytes.length, name, metadata, threads);
  if (device !== 'auto') return open(device);
  // ONNX Runtime says only by failing whether its CUDA files and CUDA itself are there.
  if (existsSync(NVIDIA_DRIVER)) return open('cuda').catch(() => open('cpu'));
  return open('cpu');
}

async function openOn(
  device: string,
  model: string | Uint8Array,
  size: number,
  name: string,
  metadata: ModelMetadata,
  threads: number,
): Promise<NodeModel> {
  const { classes, preset } = metadata;
  // A session a thread: none waits for another. Models too large for that share sessions of several threads.
  const room = Math.max(1, Math.floor(totalmem() / 2 / (size * COPIES)));
  const workers = device === 'cpu' ? Math.min(threads, room) : 1;
  const batch = device === 'cpu' ? 1 : GPU_BATCH;
  const each = Math.max(1, Math.floor(threads / workers));
  const setup = { model, name, metadata: { classes, preset }, provider: device, threads: each, batch };
  const { pool, trial } = await Pool.open(setup, workers);
  // One image runs while the next is decoded.
  return new NodeModel(metadata, { lanes: workers, ahead: 2 * batch, trial }, pool, device);
}

async function readModel(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reasons: Record<string, string> = {
      ENOENT: 'there is no such file',
      EISDIR: 'it is a folder, not a model file',
      EACCES: 'reading it is not permitted',
    };
    throw new ModelError(`${path}: ${reasons[code ?? ''] ?? `it cannot be read (${message})`}.`, { cause: error });
  }
}
