import { noGrad, scope, tensor } from '@evenhand/torch';
import { ProgressMeter, type TrainingContext } from './context.js';
import { countOfPart, gatherRows, worldSizeOf } from './group.js';
import { predictLogits } from './predict-logits.js';
import type { TrainingState } from './state.js';

/**
 * Logits of the validation images, float32 [M,K] in a row; null if interrupted. Processes that train together compute a part
 * each and have all of them in the end.
 */
export async function validate(context: TrainingContext, state: TrainingState): Promise<Float32Array | null> {
  const { data, model, preset, device, half, validation, isInterrupted, group } = context;
  if (validation === null) return new Float32Array(0);
  const total = data.val.length;
  const meter = new ProgressMeter(context, state, 'validate', total);
  const numClasses = data.classes.length;
  const count = countOfPart(group, total, validation.batchSize);
  const logits = await predictLogits(model, validation, preset, count, numClasses, device, half, (done) => {
    meter.report(Math.min(done * worldSizeOf(group), total));
    return !isInterrupted();
  });
  if (!group) return logits;
  return scope(() =>
    noGrad(() => {
      const rows = logits && tensor(logits, [count, numClasses], { device });
      return (gatherRows(group, rows, total, validation.batchSize)?.toArray() as Float32Array | undefined) ?? null;
    }),
  );
}
