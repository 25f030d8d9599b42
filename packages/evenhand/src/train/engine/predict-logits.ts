import type { Preset } from '@evenhand/predict';
import { nn, noGrad, ops, scope } from '@evenhand/torch';
import type { Loader } from '../../data/index.js';
import type { ImageModel } from '../../models/index.js';
import { yieldToEventLoop } from '../setup/device.js';
import { toInput } from '../setup/model.js';

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
  let done = 0;
  for await (const batch of loader.batches()) {
    const next = done + batch.labels.length;
    const rows = logits.subarray(done * numClasses, next * numClasses);
    scope(() => noGrad(() => ops.reshape(model.forward(toInput(batch, preset, device)), [-1]).toArray(rows)));
    done = next;
    if (!onBatch(done)) return null;
    await yieldToEventLoop();
  }
  return logits;
}
