import { nn } from '@evenhand/torch';
import { parseDuration } from '../../duration.js';
import { familyOf, type ModelSpec } from '../../models/index.js';
import type { RunConfig } from '../config/fields.js';
import type { TrainEvent } from '../events.js';
import { planFolds } from '../schedule/budget.js';
import { chooseDevice, chooseHalfType } from '../setup/device.js';
import { openTrainingCache } from '../setup/image-cache.js';
import { buildModel, presetAt } from '../setup/model.js';
import type { Prepared } from '../setup/prepare.js';
import { measureForwardRate } from './forward-rate.js';
import { usable } from './time-budget.js';

/**
 * The number of folds of a cross-validation with a budget whose user leaves it open, by the speed of the network on a few images.
 *
 * @param begun when the budget began, in milliseconds of `performance.now()`
 */
export async function chooseFolds(
  config: RunConfig,
  spec: ModelSpec,
  data: Prepared,
  { begun, onEvent }: { readonly begun: number; readonly onEvent: (event: TrainEvent) => void },
): Promise<number> {
  const device = chooseDevice(config.device);
  const preset = presetAt(spec.preset, config.imageSize);
  const { train, hashes } = data;
  const model = buildModel(spec, config, data.classes.length, device);
  try {
    const half = chooseHalfType(config, device);
    const cache = openTrainingCache(config, preset, { train, val: train, hashes }, () => {});
    const facts = { config, data, model, preset, device, half, cache, isInterrupted: () => false };
    // The first time, images are decoded.
    await measureForwardRate(facts);
    const forwardRate = (await measureForwardRate(facts))!;
    const left = usable(parseDuration(config.budget)!) - (performance.now() - begun) / 1000;
    const fixedSize = familyOf(spec.architecture).fixedSize ?? false;
    const folds = planFolds(config, left, { forwardRate, train: train.length, size: preset.crop, fixedSize });
    onEvent({ type: 'note', text: `Budget of ${config.budget}: time for ${folds} folds (--folds sets their number).` });
    return folds;
  } finally {
    nn.disposeModule(model);
  }
}
