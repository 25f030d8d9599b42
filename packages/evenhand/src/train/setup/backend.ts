import { availableParallelism } from 'node:os';
import type { Preset } from '@evenhand/predict';
import { devices, nn, ops, setNumThreads, type Tensor, tensor } from '@evenhand/torch';
import type { Batch } from '../../data/index.js';
import { createModel, type ImageModel, loadPretrained, modelInfo, replaceHead } from '../../models/index.js';
import { ConfigError } from '../config/field.js';
import type { Config } from '../config/fields.js';
import type { TrainEvent } from '../events.js';

/** The device that a configuration names; `auto` is the first one beside the CPU, else the CPU. */
export function chooseDevice(name: string): string {
  const found = devices();
  if (name === 'auto') return found[1] ?? found[0]!;
  const device = found.find((each) => each === name || each === `${name}:0`);
  if (device) return device;
  throw new ConfigError(`device is ${name}, and this machine has ${found.join(', ')}`);
}

/** Sets libtorch's threads; returns how many. */
export function chooseThreads(threads: number): number {
  const count = threads || availableParallelism();
  setNumThreads(count);
  return count;
}

/** How images become the model's input at `size` pixels a side: the model's own way, its margin kept in proportion. */
export function presetAt(config: Pick<Config, 'model' | 'imageSize'>, size?: number): Preset {
  const { preset } = modelInfo(config.model);
  const crop = size ?? (config.imageSize || preset.crop);
  return { ...preset, crop, resize: Math.round((crop * preset.resize) / preset.crop) };
}

/** The model of a configuration with a new head, channels-last on its device. Weights are not loaded. */
export function buildModel(config: Config, numClasses: number, device: string): ImageModel {
  const model = createModel(config.model, { numClasses, seed: config.seed });
  const { headDropout, headHidden } = config;
  replaceHead(model, numClasses, {
    ...(headDropout >= 0 ? { dropout: headDropout } : {}),
    ...(headHidden > 0 ? { hidden: headHidden } : {}),
  });
  return nn.moveTo(model, { device, memoryFormat: 'channelsLast' });
}

/** Loads what the backbone starts from, and says from where; returns the file's path, null where there is none. */
export async function loadBackbone(
  model: ImageModel,
  config: Config,
  onEvent: (event: TrainEvent) => void,
): Promise<string | null> {
  if (config.weights === 'none') {
    onEvent({ type: 'note', text: 'No pretrained weights: everything is trained from scratch.' });
    return null;
  }
  const weights = config.weights === 'pretrained' ? modelInfo(config.model).weights : config.weights;
  const path = await loadPretrained(model, weights);
  onEvent({ type: 'note', text: `Backbone ${config.model} from ${path}` });
  return path;
}

/** A batch's images as the model's input: float32 [N,3,H,W], normalised, channels-last without a copy. */
export function toInput({ pixels, labels }: Batch, preset: Preset, device: string): Tensor {
  const shape = [labels.length, preset.crop, preset.crop, 3];
  const bytes = ops.permute(tensor(pixels, shape, { device }), [0, 3, 1, 2]);
  const scale = preset.std.map((s) => 1 / (255 * s));
  const shift = preset.mean.map((m, c) => -m / preset.std[c]!);
  const channel = (values: readonly number[]) => ops.reshape(tensor(values, { device }), [1, 3, 1, 1]);
  return ops.add_(ops.mul_(ops.to(bytes, { dtype: 'float32' }), channel(scale)), channel(shift));
}

/** Lets messages and timers in: training steps are synchronous, and would leave none of them a turn. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
