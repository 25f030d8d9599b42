// A thread with a session of its own. It decodes images, prepares their views and runs them; while the session computes,
// libvips decodes the next image in its own threads.
import { parentPort, workerData } from 'node:worker_threads';
import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import { decode } from '../decode.js';
import { ImageError } from '../image.js';
import { ModelError } from '../metadata.js';
import { signatureOf } from '../signature.js';
import { inputsOf } from '../views.js';
import type { FromWorker, Job, Setup } from './protocol.js';

const port = parentPort!;
const setup = workerData as Setup;
const { preset, classes } = setup.metadata;
const area = 3 * preset.crop * preset.crop;

/** A view that waits for its turn in the session. */
interface Waiting {
  readonly input: Float32Array;
  readonly job: Started;
}

interface Started {
  readonly id: number;
  readonly views: number;
  done: number;
  readonly sum: Float64Array;
  milliseconds: number;
}

const send = (message: FromWorker): void => port.postMessage(message);

let session: InferenceSession;
let names: { input: string; output: string };
const waiting: Waiting[] = [];
let running = false;

try {
  const trial = await open();
  port.on('message', (job: Job) => void prepare(job));
  send({ kind: 'ready', trial });
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  send({ kind: 'refused', reason, model: error instanceof ModelError });
}

/** Loads the model and runs it once; returns how many milliseconds a view takes. */
async function open(): Promise<number> {
  // What it logs is thrown, too.
  env.logLevel = 'fatal';
  const options: InferenceSession.SessionOptions = {
    executionProviders: [setup.provider],
    intraOpNumThreads: setup.threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  };
  // The two overloads do not take their union.
  session =
    typeof setup.model === 'string'
      ? await InferenceSession.create(setup.model, options)
      : await InferenceSession.create(setup.model, options);
  names = signatureOf(session, setup.metadata, setup.name);
  const blank = new Float32Array(area);
  await compute([blank]);
  const begin = performance.now();
  await compute([blank]);
  return performance.now() - begin;
}

async function prepare({ id, image, views }: Job): Promise<void> {
  try {
    const job: Started = { id, views: views.length, done: 0, sum: new Float64Array(classes.length), milliseconds: 0 };
    for (const input of inputsOf(await decode(image), preset, views)) waiting.push({ input, job });
    await pump();
  } catch (error) {
    fail([id], error);
  }
}

function fail(ids: Iterable<number>, error: unknown): void {
  for (const id of ids) {
    if (error instanceof ImageError) send({ kind: 'failed', id, file: error.file, reason: error.reason });
    else send({ kind: 'failed', id, reason: error instanceof Error ? error.message : String(error) });
  }
}

/** Runs what waits, as many views at once as the device likes. */
async function pump(): Promise<void> {
  if (running) return;
  running = true;
  while (waiting.length > 0) {
    const batch = waiting.splice(0, setup.batch);
    try {
      const begin = performance.now();
      const logits = await compute(batch.map(({ input }) => input));
      const each = (performance.now() - begin) / batch.length;
      for (const [i, { job }] of batch.entries()) add(job, logits.subarray(i * classes.length), each);
    } catch (error) {
      fail(new Set(batch.map(({ job }) => job.id)), error);
    }
  }
  running = false;
}

function add(job: Started, logits: Float32Array, milliseconds: number): void {
  for (let k = 0; k < job.sum.length; k++) job.sum[k]! += logits[k]!;
  job.milliseconds += milliseconds;
  job.done++;
  if (job.done < job.views) return;
  send({ kind: 'done', id: job.id, logits: job.sum.map((sum) => sum / job.views), milliseconds: job.milliseconds });
}

/** Logits [N,K] of inputs, each [3,H,W]. */
async function compute(inputs: readonly Float32Array[]): Promise<Float32Array> {
  let pixels = inputs[0]!;
  if (inputs.length > 1) {
    pixels = new Float32Array(inputs.length * area);
    for (const [i, input] of inputs.entries()) pixels.set(input, i * area);
  }
  const tensor = new Tensor('float32', pixels, [inputs.length, 3, preset.crop, preset.crop]);
  const results = await session.run({ [names.input]: tensor });
  const logits = results[names.output]!.data as Float32Array;
  if (logits.length !== inputs.length * classes.length) {
    throw new ModelError(
      `${setup.name}: it gave ${logits.length} logits for ${inputs.length} views of ${classes.length} classes.`,
    );
  }
  return logits;
}
