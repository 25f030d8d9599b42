import { epochCost, relativeArea, STEP_COST } from '../schedule/cost.js';
import type { TrainingContext } from './context.js';
import type { TrainingState } from './state.js';

/** Seconds of a stage after which its speed is known well enough. */
const MEASURED_SECONDS = 10;

/** Reports how long the rest of a training will take: once by the speed of the head phase, once by that of a full epoch. */
export class ExpectedTime {
  readonly #reported = new Set<string>();

  /**
   * @param stage `features` or `full`
   * @param done images of the current pass that are done
   * @param imagesPerSecond of this pass
   * @param seconds since the pass started
   */
  report(
    context: TrainingContext,
    state: TrainingState,
    stage: 'features' | 'full',
    { done, imagesPerSecond, seconds }: { done: number; imagesPerSecond: number; seconds: number },
  ): void {
    if (seconds < MEASURED_SECONDS || this.#reported.has(stage)) return;
    this.#reported.add(stage);
    const costPerImage =
      stage === 'features' ? 1 : STEP_COST * relativeArea(context.config, context.preset.crop, state.position.epoch);
    const remaining = remainingCost(context, state, stage, done) / (imagesPerSecond * costPerImage);
    context.onEvent({
      type: 'note',
      text: `Expected time for the rest of the training: about ${roughDuration(remaining)}.`,
    });
  }
}

/** What is left to compute, in passes of one image of the final size without gradients. */
export function remainingCost(
  context: TrainingContext,
  { position }: TrainingState,
  stage: 'features' | 'full',
  done: number,
): number {
  const { config, data, preset, later = 0 } = context;
  const [train, val] = [data.train.length, data.val.length];
  let cost = -done * (stage === 'features' ? 1 : STEP_COST * relativeArea(config, preset.crop, position.epoch));
  // The head phase passes once over the validation images, and per epoch once over the training images.
  if (position.phase === 'head') cost += val + (config.headEpochs - position.epoch) * train;
  const first = { head: 0, full: position.epoch, 'new-head': config.epochs, done: config.epochs }[position.phase];
  for (let epoch = 0; epoch < config.epochs; epoch++) {
    const trainings = later + (epoch >= first ? 1 : 0);
    cost += trainings * epochCost(config, preset.crop, epoch, { train, val });
  }
  if (config.epochs > 0 && config.newHeadEpochs > 0) cost += (later + 1) * (val + config.newHeadEpochs * train);
  return Math.max(0, cost);
}

/** `40 seconds`, `12 minutes`, `3.5 hours`. */
export function roughDuration(seconds: number): string {
  if (seconds < 90) return `${Math.max(10, Math.round(seconds / 10) * 10)} seconds`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} minutes`;
  const hours = seconds / 3600;
  return `${hours < 10 ? Math.round(hours * 2) / 2 : Math.round(hours)} hours`;
}
