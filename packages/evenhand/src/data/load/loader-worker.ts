import { parentPort, workerData } from 'node:worker_threads';
import { decode, decodeCrop, ImageError, preprocess, probe, read } from '@evenhand/predict';
import { Random } from '../../random.js';
import { applyAugment, sampleAugment } from '../augment/index.js';
import { whyNotRegular } from '../read/regular-file.js';
import type { FromWorker, Pass, ToWorker, WorkerSetup } from './loader-protocol.js';

/**
 * Loads samples for the loader. The workers of a pass take positions from a shared counter and write pixels into shared
 * memory, so that they do not need the main thread while it is busy with a training step.
 */

/** Concurrent samples per worker: while libvips decodes one on its own thread, another is augmented here. */
const LANES = 2;

const port = parentPort!;
const setup = workerData as WorkerSetup;
const { crop } = setup.preset;
const sizes = new Map<number, { width: number; height: number }>();
let current: number | undefined;
let taken = 0;
let wake: (() => void)[] = [];

port.on('message', (message: ToWorker) => {
  if (message.kind === 'pass') {
    current = message.id;
    taken = message.startBatch;
    for (let lane = 0; lane < LANES; lane++) void loadSamples(message);
  } else if (message.id === current) {
    if (message.kind === 'taken') taken = message.upTo;
    else current = undefined;
  }
  const waiting = wake;
  wake = [];
  for (const resolve of waiting) resolve();
});

async function loadSamples(pass: Pass): Promise<void> {
  const { id, end } = pass;
  const { batchSize, slots } = setup;
  const order = new Int32Array(pass.order);
  const progress = new Int32Array(pass.progress);
  const pixels = new Uint8Array(pass.pixels);
  const bytes = crop * crop * 3;
  const send = (message: FromWorker): void => port.postMessage(message);
  for (;;) {
    const position = Atomics.add(progress, 0, 1);
    if (position >= end) return;
    const batch = Math.floor(position / batchSize);
    const slot = batch % slots;
    while (id === current && batch >= taken + slots) await new Promise<void>((resolve) => wake.push(resolve));
    if (id !== current) return;
    try {
      const sample = await loadSample(order[position]!, pass.epoch, position);
      if (id !== current) return;
      pixels.set(sample, (slot * batchSize + (position % batchSize)) * bytes);
    } catch (error) {
      const file = error instanceof ImageError ? error.file : undefined;
      const reason = error instanceof ImageError ? error.reason : String(error);
      send({ kind: 'failed', id, file, reason });
      return;
    }
    const size = Math.min(batchSize, end - batch * batchSize);
    if (Atomics.add(progress, 1 + slot, 1) + 1 === size) send({ kind: 'ready', id, batch });
  }
}

async function loadSample(index: number, epoch: number, position: number): Promise<Uint8Array> {
  const { preset, augment, seed } = setup;
  const file = setup.files[index]!;
  const reason = await whyNotRegular(file);
  if (reason !== undefined) throw new ImageError(file, reason);
  const bytes = await read(file);
  if (augment === undefined) return preprocess(await decode(bytes, file), preset);
  let size = sizes.get(index);
  if (size === undefined) {
    const { width, height } = await probe(bytes, file);
    size = { width, height };
    sizes.set(index, size);
  }
  const params = sampleAugment(new Random(seed, epoch, position), size.width, size.height, crop, augment);
  const { data } = await decodeCrop(bytes, params.crop, crop, crop, preset.interpolation, file);
  return applyAugment(data, crop, params, preset.mean);
}
