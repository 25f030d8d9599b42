/// <reference lib="dom" preserve="true" />
import type { InferenceSession as Session } from 'onnxruntime-common';
import { env, InferenceSession, Tensor } from 'onnxruntime-web';
import { firstLine } from '../describe.js';
import { type ModelMetadata, metadataOf } from '../metadata.js';
import { Model, type Run } from '../model.js';
import { ModelError } from '../model-error.js';
import { checkLoadOptions, type LoadOptions } from '../options.js';
import { type Names, signatureOf } from '../signature.js';
import { inputsOf, type View } from '../views.js';
import { type BrowserImage, decode } from './decode.js';

/** A model in a browser. */
export class BrowserModel extends Model<BrowserImage> {
  readonly #session: Session;
  readonly #names: Names;
  /** The last run: ONNX Runtime Web accepts one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(metadata: ModelMetadata, session: Session, name: string) {
    super(metadata, { lanes: 1, ahead: 2, trial: 0 }, name);
    this.#session = session;
    this.#names = signatureOf(session, metadata, name);
  }

  protected override async run(image: BrowserImage, views: readonly View[], members: number): Promise<Run> {
    const { preset, classes } = this.metadata;
    const inputs = inputsOf(await decode(image), preset, views);
    const logits = new Float64Array(classes.length);
    let milliseconds = 0;
    for (const input of inputs) {
      const turn = this.#last.then(async () => {
        const start = performance.now();
        const tensor = new Tensor('float32', input, [1, 3, preset.crop, preset.crop]);
        const { input: pixels, count } = this.#names;
        const numMembers = new Tensor('int64', BigInt64Array.of(BigInt(members)), []);
        const feeds = { [pixels]: tensor, ...(count ? { [count]: numMembers } : {}) };
        const results = await this.#session.run(feeds).catch((error: unknown) => {
          throw new ModelError(`${this.name}: ONNX Runtime cannot run the model: ${firstLine(error)}.`, {
            cause: error,
          });
        });
        milliseconds += performance.now() - start;
        return results[this.#names.output]!.data as Float32Array;
      });
      this.#last = turn.catch(() => {});
      const row = await turn;
      for (let k = 0; k < logits.length; k++) logits[k]! += row[k]! / inputs.length;
    }
    return { logits, milliseconds };
  }

  override async close(): Promise<void> {
    await this.#last;
    await this.#session.release();
  }
}

export interface BrowserLoadOptions extends LoadOptions {
  /** The URL of onnxruntime-web's files `ort-wasm-*`; by default they are next to the script. */
  readonly wasmPaths?: string;
}

/**
 * Loads a model in a browser: on WebGPU if `device` is `webgpu`, otherwise on WebAssembly, with threads if the page is
 * cross-origin isolated.
 *
 * @param model URL, `Blob` or bytes of an ONNX file from evenhand; files of other programs need `labels` and `preset`
 * @throws ModelError if it cannot be fetched, is not a model, does not fit its labels and preset, or the device is not
 * available; TypeError for an invalid option
 */
export async function load(
  model: string | URL | Blob | ArrayBuffer | Uint8Array,
  options: BrowserLoadOptions = {},
): Promise<BrowserModel> {
  checkLoadOptions(options);
  const { device = 'auto', threads, wasmPaths } = options;
  const name = typeof model === 'string' || model instanceof URL ? String(model) : 'The model';
  if (device === 'cuda')
    throw new ModelError(`${name}: the device cuda is not available in browsers; choose webgpu or cpu.`);
  const bytes = await bytesOf(model, name);
  const metadata = metadataOf(bytes, name, options);
  if (threads !== undefined) env.wasm.numThreads = threads;
  if (wasmPaths !== undefined) env.wasm.wasmPaths = wasmPaths;
  let session: Session;
  try {
    session = await InferenceSession.create(bytes, {
      executionProviders: [device === 'webgpu' ? 'webgpu' : 'wasm'],
      logSeverityLevel: 3,
    });
  } catch (error) {
    const reason = `ONNX Runtime cannot load the model on ${device}: ${firstLine(error)}`;
    throw new ModelError(`${name}: ${reason}.`, { cause: error });
  }
  return new BrowserModel(metadata, session, name);
}

async function bytesOf(model: string | URL | Blob | ArrayBuffer | Uint8Array, name: string): Promise<Uint8Array> {
  if (model instanceof Uint8Array) return model;
  if (model instanceof ArrayBuffer) return new Uint8Array(model);
  if (model instanceof Blob) return new Uint8Array(await model.arrayBuffer());
  const response = await fetch(model).catch((error: Error) => {
    throw new ModelError(`${name}: it cannot be fetched: ${error.message}.`, { cause: error });
  });
  if (!response.ok) throw new ModelError(`${name}: it cannot be fetched: HTTP ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}
