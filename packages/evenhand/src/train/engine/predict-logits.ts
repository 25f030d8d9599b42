import type { Preset } from '@evenhand/predict';
import { DeferredRead, nn, noGrad, ops, scope, type Tensor } from '@evenhand/torch';
import type { Loader } from '../../data/index.js';
import type { ImageModel } from '../../models/index.js';
import { type HalfType, inHalf, yieldToEventLoop } from '../setup/device.js';
import { ToInput } from '../setup/model.js';
import { inParts } from './in-parts.js';

/**
 * Logits [count,K] of the images of the loader, in their order, with the model in evaluation mode: the head computes in
 * float32 in any case, since 16 bits are too few to tell similar classes apart. `onBatch` is called
 * after each batch with the number of images done; if it returns false, the result is null.
 */
export async function predictLogits(
  model: ImageModel,
  loader: Loader,
  preset: Preset,
  count: number,
  numClasses: number,
  device: string,
  half: HalfType,
  onBatch: (done: number) => boolean,
): Promise<Float32Array | null> {
  const logits = new Float32Array(count * numClasses);
  nn.setTraining(model, false);
  const toInput = new ToInput(preset, device);
  let pending: { read: DeferredRead; rows: Float32Array } | null = null;
  const forward = (images: Tensor): Tensor => {
    const features = inHalf(half, device, () => model.forwardFeatures(images));
    return model.classifier.forward(ops.to(features, { dtype: 'float32' }));
  };
  let done = 0;
  try {
    for await (const batch of loader.batches()) {
      const next = done + batch.labels.length;
      const read = scope(() => noGrad(() => new DeferredRead(inParts(toInput.of(batch), forward))));
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
