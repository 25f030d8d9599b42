import { nn, type Tensor } from '@evenhand/torch';
import type { Prepared } from '../setup/prepare.js';
import type { TrainingContext } from './context.js';
import { extractFeatures } from './features.js';
import { evaluationBatch, evaluationLoader } from './loaders.js';

/** Batches whose time is measured, after a first one during which workers start. */
const MEASURED_BATCHES = 10;

/** What is measured: a network on training images. */
interface Measured
  extends Pick<TrainingContext, 'config' | 'model' | 'preset' | 'device' | 'half' | 'cache' | 'isInterrupted'> {
  readonly data: Pick<Prepared, 'train'>;
}

/**
 * Images per second of the network without gradients, as fast as images come from the cache: the passes before may have
 * decoded them. It takes seconds. Null if interrupted.
 */
export async function measureForwardRate(facts: Measured): Promise<number | null> {
  const { config, data, model, preset, device, half, cache, isInterrupted } = facts;
  nn.setTraining(model, false);
  const start = performance.now();
  let [first, last] = [
    { done: 0, time: start },
    { done: 0, time: start },
  ];
  const images = data.train.slice(0, (1 + MEASURED_BATCHES) * evaluationBatch(config.batchSize, preset.crop, device));
  const loader = evaluationLoader(config, preset, images, device, cache);
  const count = images.length;
  try {
    const onBatch = (done: number, rows: Tensor): boolean => {
      // Waits for the device.
      rows.toArray();
      last = { done, time: performance.now() };
      if (first.done === 0 && done < count) first = last;
      return !isInterrupted();
    };
    const rows = await extractFeatures({ model, loader, preset, device, half, count, onBatch });
    if (!rows) return null;
    rows.dispose();
    return (1000 * (last.done - first.done)) / (last.time - first.time);
  } finally {
    await loader.close();
  }
}
