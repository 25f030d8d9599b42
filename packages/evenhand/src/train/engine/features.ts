import type { Preset } from '@evenhand/predict';
import { keep, noGrad, ops, scope, type Tensor } from '@evenhand/torch';
import type { Loader, PassOptions } from '../../data/index.js';
import type { ImageModel } from '../../models/index.js';
import { breathe, toInput } from '../setup/backend.js';

export interface FeatureOptions {
  readonly model: ImageModel;
  readonly loader: Loader;
  readonly preset: Preset;
  readonly device: string;
  /** Images of the loader. */
  readonly count: number;
  /** Averages each image's features with those of its mirror image. */
  readonly mirrored?: boolean;
  readonly pass?: PassOptions;
  /** Is told after each batch how many are done; ends the pass where it answers false. */
  readonly onBatch: (done: number, rows: Tensor) => boolean;
}

/**
 * The backbone's pooled features float32 [count,F] of a pass of the loader, rows in the order of its samples; null where
 * `onBatch` ended it. The model must be in evaluation mode.
 */
export async function extractFeatures(options: FeatureOptions): Promise<Tensor | null> {
  const { model, loader, preset, device, count, mirrored = false, pass, onBatch } = options;
  const all = keep(ops.empty([count, model.featureCount], { device }));
  let done = 0;
  try {
    for await (const batch of loader.batches(undefined, pass)) {
      const n = batch.labels.length;
      const goOn = scope(() => {
        const images = toInput(batch, preset, device);
        const made = noGrad(() => {
          const features = model.forwardFeatures(images);
          if (!mirrored) return features;
          return ops.mulScalar_(ops.add_(model.forwardFeatures(ops.flip(images, [3])), features), 0.5);
        });
        ops.copy_(ops.narrow(all, 0, done, n), made);
        return onBatch(done + n, made);
      });
      done += n;
      if (!goOn) {
        all.dispose();
        return null;
      }
      await breathe();
    }
  } catch (error) {
    all.dispose();
    throw error;
  }
  return all;
}
