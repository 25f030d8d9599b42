import type { Preset } from '@evenhand/predict';
import { keep, noGrad, ops, scope, type Tensor } from '@evenhand/torch';
import type { Loader, PassOptions } from '../../data/index.js';
import type { ImageModel } from '../../models/index.js';
import { type HalfType, inHalf, yieldToEventLoop } from '../setup/device.js';
import { ToInput } from '../setup/model.js';
import { ProgressMeter, type TrainingContext } from './context.js';
import { countOfPart, gatherRows, worldSizeOf } from './group.js';
import { inParts } from './in-parts.js';
import type { TrainingState } from './state.js';

export interface FeatureOptions {
  readonly model: ImageModel;
  readonly loader: Loader;
  readonly preset: Preset;
  readonly device: string;
  readonly half: HalfType;
  /** Number of images of the loader. */
  readonly count: number;
  /** Whether to average the features of each image and its mirror image. */
  readonly mirrored?: boolean;
  /** With `mirrored`: float32 [count,F] that takes up the features of the images as they are. */
  readonly plain?: Tensor | undefined;
  readonly pass?: PassOptions;
  /** Called after each batch with the number of images done and the features of the batch; false ends the pass. */
  readonly onBatch: (done: number, rows: Tensor) => boolean;
}

/**
 * Pooled features of the backbone, float32 [count,F], of one pass of the loader, rows in the order of its samples; null if
 * `onBatch` ended it. The model must be in evaluation mode. The caller disposes of the tensor.
 */
export async function extractFeatures(options: FeatureOptions): Promise<Tensor | null> {
  const { model, loader, preset, device, half, count, mirrored = false, plain, pass, onBatch } = options;
  const all = keep(ops.empty([count, model.featureCount], { device }));
  const toInput = new ToInput(preset, device);
  let done = 0;
  try {
    for await (const batch of loader.batches(undefined, pass)) {
      const n = batch.labels.length;
      const shouldContinue = scope(() => {
        const images = toInput.of(batch);
        const values = noGrad(() => {
          const forward = (x: Tensor) =>
            inParts(x, (part) =>
              ops.to(
                inHalf(half, device, () => model.forwardFeatures(part)),
                { dtype: 'float32' },
              ),
            );
          const features = forward(images);
          if (!mirrored) return features;
          if (plain) ops.copy_(ops.narrow(plain, 0, done, n), features);
          return ops.mulScalar_(ops.add_(forward(ops.flip(images, [3])), features), 0.5);
        });
        ops.copy_(ops.narrow(all, 0, done, n), values);
        return onBatch(done + n, values);
      });
      done += n;
      if (!shouldContinue) {
        all.dispose();
        return null;
      }
      await yieldToEventLoop();
    }
  } catch (error) {
    all.dispose();
    throw error;
  } finally {
    toInput.dispose();
  }
  return all;
}

/**
 * The features of a training's model, with progress; null if interrupted. Processes that train together compute a part each
 * and have all of them in the end. The caller disposes of the tensor.
 */
export async function computeFeatures(
  context: TrainingContext,
  state: TrainingState,
  loader: Loader,
  count: number,
  options: Pick<FeatureOptions, 'mirrored' | 'plain' | 'pass'> = {},
): Promise<Tensor | null> {
  const { model, preset, device, half, isInterrupted, budget, group } = context;
  const { position } = state;
  const passes = options.mirrored ? 2 : 1;
  const meter = new ProgressMeter(context, state, 'features', count);
  const onBatch = (done: number): boolean => {
    meter.report(Math.min(done * worldSizeOf(group), count));
    budget?.noteForwardRate(position, (passes * done) / meter.seconds);
    return !isInterrupted();
  };
  const part = countOfPart(group, count, loader.batchSize);
  const facts = { model, loader, preset, device, half, count: part, onBatch };
  if (!group) {
    const all = await extractFeatures({ ...facts, ...options });
    const record = budget?.note(position);
    if (record) record.features = (record.features ?? 0) + meter.seconds;
    return all;
  }
  const plain = options.plain && keep(ops.empty([part, model.featureCount], { device }));
  let rows: Tensor | null = null;
  try {
    rows = await extractFeatures({ ...facts, ...options, plain });
    const all = gatherRows(group, rows, count, loader.batchSize);
    if (all && plain) scope(() => ops.copy_(options.plain!, gatherRows(group, plain, count, loader.batchSize)!));
    return all && keep(all);
  } finally {
    rows?.dispose();
    plain?.dispose();
  }
}
