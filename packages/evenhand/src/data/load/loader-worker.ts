import { parentPort, workerData } from 'node:worker_threads';
import { type Box, ImageError, read } from '@evenhand/predict';
import { Random } from '../../random.js';
import { applyAugment, sampleAugment } from '../augment/index.js';
import { whyNotRegular } from '../read/regular-file.js';
import { decodeToRecord } from '../records/decode.js';
import { FileRecords } from '../records/file-records.js';
import { MemoryRecords } from '../records/memory-records.js';
import type { ImageRecord } from '../records/record.js';
import type { Records, SharedRecords } from '../records/shared.js';
import { type FromWorker, type Pass, positionsOf, type ToWorker, type WorkerSetup } from './loader-protocol.js';

/**
 * Loads samples for the loader: from the cache of decoded images, or from their files. The workers of a pass take positions from a shared counter and write pixels into shared
 * memory, so that they do not need the main thread while it is busy with a training step.
 */

/** Concurrent samples per worker: while libvips decodes one on its own thread, another is augmented here. */
const LANES = 2;

const port = parentPort!;
const setup = workerData as WorkerSetup;
const { crop } = setup.preset;
const records = setup.records && openRecords(setup.records);
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
  const { batchSize, slots, part } = setup;
  const partSize = batchSize / part.count;
  const order = new Int32Array(pass.order);
  const progress = new Int32Array(pass.progress);
  const pixels = new Uint8Array(pass.pixels);
  const bytes = crop * crop * 3;
  for (;;) {
    const next = Atomics.add(progress, 0, 1);
    const batch = Math.floor(next / partSize);
    if (batch * batchSize >= end) return;
    const range = positionsOf(batch, batchSize, end, part);
    const position = range.start + (next % partSize);
    if (position >= range.end) continue;
    const slot = batch % slots;
    while (id === current && batch >= taken + slots) await new Promise<void>((resolve) => wake.push(resolve));
    if (id !== current) return;
    try {
      const start = (slot * partSize + position - range.start) * bytes;
      await loadSample(pass, order[position]!, position, pixels.subarray(start, start + bytes));
      if (id !== current) return;
    } catch (error) {
      const file = error instanceof ImageError ? error.file : undefined;
      const reason = error instanceof ImageError ? error.reason : String(error);
      send({ kind: 'failed', id, file, reason });
      return;
    }
    if (Atomics.add(progress, 1 + slot, 1) + 1 === range.end - range.start) send({ kind: 'ready', id, batch });
  }
}

/** Loads a sample into `pixels` [crop, crop, 3], for nobody if the pass has ended. */
async function loadSample(pass: Pass, index: number, position: number, pixels: Uint8Array): Promise<void> {
  const key = records?.keyOf(index);
  const stored = key === undefined ? undefined : records!.read(index, key);
  // A record that was read is used at once, before the other lane reads one into the same memory.
  if (stored) finish(stored, pass, position, pixels);
  else await loadFromFile(pass, index, position, pixels);
}

async function loadFromFile(pass: Pass, index: number, position: number, pixels: Uint8Array): Promise<void> {
  const file = setup.files[index]!;
  const reason = await whyNotRegular(file);
  if (reason !== undefined) throw new ImageError(file, reason);
  const bytes = await read(file);
  const key = records?.keyOfContent(index, bytes);
  const stored = key === undefined ? undefined : records!.read(index, key);
  if (stored) return finish(stored, pass, position, pixels);
  const record = await decodeToRecord(bytes, setup.kind, file);
  if (key !== undefined) records!.write(key, record);
  finish(record, pass, position, pixels);
}

function finish(record: ImageRecord, { id, epoch }: Pass, position: number, pixels: Uint8Array): void {
  if (id !== current) return;
  const { preset, augment, seed } = setup;
  if (augment === undefined) {
    pixels.set(record.data);
    return;
  }
  const { width, height, originalWidth, originalHeight } = record;
  // Drawn for the image itself, so that they do not depend on the size of the record.
  const params = sampleAugment(new Random(seed, epoch, position), originalWidth, originalHeight, crop, augment);
  const [scaleX, scaleY] = [width / originalWidth, height / originalHeight];
  const box: Box = {
    left: params.crop.left * scaleX,
    top: params.crop.top * scaleY,
    width: params.crop.width * scaleX,
    height: params.crop.height * scaleY,
  };
  applyAugment(record, box, crop, params, preset, pixels);
}

function openRecords(shared: SharedRecords): Records {
  if (shared.type === 'memory') return new MemoryRecords(shared);
  return new FileRecords(shared, (reason) => send({ kind: 'cacheFailed', reason }));
}

function send(message: FromWorker): void {
  port.postMessage(message);
}
