import { ProgressMeter, type TrainingContext } from './context.js';
import { predictLogits } from './predict-logits.js';
import type { TrainingState } from './state.js';

/** Logits of the validation images, float32 [M,K] in a row; null if interrupted. */
export async function validate(context: TrainingContext, state: TrainingState): Promise<Float32Array | null> {
  const { data, model, preset, device, half, validation, isInterrupted } = context;
  if (validation === null) return new Float32Array(0);
  const meter = new ProgressMeter(context, state, 'validate', data.val.length);
  return predictLogits(model, validation, preset, data.val.length, data.classes.length, device, half, (done) => {
    meter.report(done);
    return !isInterrupted();
  });
}
