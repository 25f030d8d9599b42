// A thread with a session of its own. It decodes images, prepares their views and runs them; while the session computes,
// libvips decodes the next image in its own threads.
import { parentPort, workerData } from 'node:worker_threads';
import type * as Runtime from 'onnxruntime-common';
import { decode, type ImageSource } from '../decode.js';
import { firstLine } from '../describe.js';
import { ImageError, type Pixels } from '../image.js';
import { describeNotFinite } from '../model.js';
import { ModelError } from '../model-error.js';
import { type Names, signatureOf } from '../signature.js';
import { inputsOf, largestScaledSize, normalise } from '../views.js';
import { Gate } from './gate.js';
import type { Failure, FromWorker, Job, Setup } from './protocol.js';
import { loadRuntime } from './runtime.js';

const port = parentPort!;
const setup = workerData as Setup;
const gate = new Gate(setup.gate);
const { preset, classes, members: allMembers = 1 } = setup.metadata;
const area = 3 * preset.crop * preset.crop;

/** A view that waits for the session. */
interface QueuedView {
  readonly input: Float32Array;
  readonly job: RunningJob;
}

interface RunningJob {
  readonly id: number;
  readonly warning: string | undefined;
  readonly views: number;
  readonly members: number;
  done: number;
  readonly sum: Float64Array;
  milliseconds: number;
}

const send = (message: FromWorker): void => port.postMessage(message);

let runtime: typeof Runtime;
let session: Runtime.InferenceSession;
let names: Names;
const queue: QueuedView[] = [];
let running = false;

try {
  const trial = await openSession();
  port.on('message', (job: Job) => void prepare(job));
  send({ kind: 'ready', trial });
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  send({ kind: 'refused', reason, model: error instanceof ModelError });
} finally {
  gate.leave();
}

/** Loads the model and runs it twice; returns how many milliseconds a view takes in one network. */
async function openSession(): Promise<number> {
  ({ runtime } = await loadRuntime());
  // What it would log is thrown as well.
  runtime.env.logLevel = 'fatal';
  const options: Runtime.InferenceSession.SessionOptions = {
    executionProviders: [setup.provider],
    intraOpNumThreads: setup.threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  };
  // The two overloads do not accept their union.
  session =
    typeof setup.model === 'string'
      ? await runtime.InferenceSession.create(setup.model, options)
      : await runtime.InferenceSession.create(setup.model, options);
  names = signatureOf(session, setup.metadata, setup.name);
  const input = normalise(testPattern(preset.crop), preset, false);
  const logits = await compute([input], allMembers);
  if (!logits.every(Number.isFinite)) throw new ModelError(describeNotFinite(setup.name, logits));
  const start = performance.now();
  await compute([input], allMembers);
  return (performance.now() - start) / (setup.batch * allMembers);
}

/** Pixels [size,size,3] of every brightness, for the trial run. */
function testPattern(size: number): Uint8Array {
  return Uint8Array.from({ length: size * size * 3 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
}

async function prepare({ id, image, views, members }: Job): Promise<void> {
  try {
    const pixels = await decode(image, undefined, (size) => largestScaledSize(size, preset, views));
    const sum = new Float64Array(classes.length);
    const { warning } = pixels;
    const job: RunningJob = { id, warning, views: views.length, members, done: 0, sum, milliseconds: 0 };
    for (const input of inputsFor(image, pixels, views)) queue.push({ input, job });
    await runQueue();
  } catch (error) {
    send({ kind: 'failed', id, failure: failureOf(error) });
  }
}

function inputsFor(image: ImageSource, pixels: Pixels, views: Job['views']): Float32Array[] {
  try {
    return inputsOf(pixels, preset, views);
  } catch (error) {
    // An array that is too large for the machine.
    const size = `${pixels.width} x ${pixels.height} pixels`;
    throw new ImageError(
      typeof image === 'string' ? image : 'image',
      `its ${size} cannot be scaled (${firstLine(error)})`,
    );
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof ImageError) return { cause: 'image', file: error.file, reason: error.reason };
  if (error instanceof ModelError) return { cause: 'model', reason: error.message };
  const { message, code, syscall, path } = error as NodeJS.ErrnoException;
  return { cause: 'other', reason: message, code, syscall, path };
}

/** Runs the queued views, as many at a time as the device prefers. */
async function runQueue(): Promise<void> {
  if (running) return;
  running = true;
  while (queue.length > 0) {
    // The thread is about to be stopped.
    if (!gate.enter()) return;
    const { members } = queue[0]!.job;
    const other = queue.findIndex(({ job }) => job.members !== members);
    const batch = queue.splice(0, other < 0 ? setup.batch : Math.min(other, setup.batch));
    try {
      const start = performance.now();
      const logits = await compute(
        batch.map(({ input }) => input),
        members,
      );
      const perView = (performance.now() - start) / batch.length;
      for (const [i, { job }] of batch.entries()) addView(job, logits.subarray(i * classes.length), perView);
    } catch (error) {
      const failure = failureOf(error);
      for (const id of new Set(batch.map(({ job }) => job.id))) send({ kind: 'failed', id, failure });
    } finally {
      gate.leave();
    }
  }
  running = false;
}

function addView(job: RunningJob, logits: Float32Array, milliseconds: number): void {
  for (let k = 0; k < job.sum.length; k++) job.sum[k]! += logits[k]!;
  job.milliseconds += milliseconds;
  job.done++;
  if (job.done < job.views) return;
  const logitsMean = job.sum.map((sum) => sum / job.views);
  const run = { logits: logitsMean, milliseconds: job.milliseconds, warning: job.warning };
  send({ kind: 'done', id: job.id, run });
}

/** Logits [N,K] of inputs, each [3,H,W], by the first `members` networks. */
async function compute(inputs: readonly Float32Array[], members: number): Promise<Float32Array> {
  let pixels = inputs[0]!;
  // A GPU's library searches for its algorithms anew for each shape, so a batch that is not full is filled with zeros.
  if (setup.batch > 1) {
    pixels = new Float32Array(setup.batch * area);
    for (const [i, input] of inputs.entries()) pixels.set(input, i * area);
  }
  const tensor = new runtime.Tensor('float32', pixels, [setup.batch, 3, preset.crop, preset.crop]);
  let results: Runtime.InferenceSession.ReturnType;
  try {
    const count = new runtime.Tensor('int64', BigInt64Array.of(BigInt(members)), []);
    results = await session.run({ [names.input]: tensor, ...(names.count ? { [names.count]: count } : {}) });
  } catch (error) {
    throw new ModelError(`${setup.name}: ONNX Runtime cannot run the model: ${firstLine(error)}.`);
  }
  const logits = results[names.output]!.data as Float32Array;
  if (logits.length !== setup.batch * classes.length) {
    throw new ModelError(
      `${setup.name}: it gave ${logits.length} logits for ${setup.batch} views of ${classes.length} classes; export ` +
        'the model again.',
    );
  }
  return logits.subarray(0, inputs.length * classes.length);
}
