import type { Preset } from '@evenhand/predict';
import { DeferredRead, nn, noGrad, scope } from '@evenhand/torch';
import type { Loader } from '../../data/index.js';
import type { ImageModel } from '../../models/index.js';
import { yieldToEventLoop } from '../setup/device.js';
import { ToInput } from '../setup/model.js';

/**
 * Logits [count,K] of the images of the loader, in their order, with the model in evaluation mode. `onBatch` is called
 * after each batch with the number of images done; if it returns false, the result is null.
 */
export async function predictLogits(
  model: ImageModel,
  loader: Loader,
  preset: Preset,
  count: number,
  numClasses: number,
  device: string,
  onBatch: (done: number) => boolean,
): Promise<Float32Array | null> {
  const logits = new Float32Array(count * numClasses);
  nn.setTraining(model, false);
  const toInput = new ToInput(preset, device);
  let pending: { read: DeferredRead; rows: Float32Array } | null = null;
  let done = 0;
  try {
    for await (const batch of loader.batches()) {
      const next = done + batch.labels.length;
      const read = scope(() => noGrad(() => new DeferredRead(model.forward(toInput.of(batch)))));
      // Of the batch before, so that the GPU need not wait for the next one.
      pending?.read.read(pending.rows);
      pending = { read, rows: logits.subarray(done * numClasses, next * numClasses) };
      done = next;
      if (!onBatch(done)) return null;
      await yieldToEventLoop();
    }
    pending?.read.read(pending.rows);
    return logits;
  } finally {
    pending?.read.dispose();
    toInput.dispose();
  }
}
