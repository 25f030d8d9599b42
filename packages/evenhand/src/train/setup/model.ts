import type { Preset } from '@evenhand/predict';
import { keep, nn, ops, scope, type Tensor, tensor } from '@evenhand/torch';
import type { Batch } from '../../data/index.js';
import { createModel, type ImageModel, loadPretrained, modelInfo, replaceHead } from '../../models/index.js';
import type { Config } from '../config/fields.js';
import type { TrainEvent } from '../events.js';

/** The preset of the model at an image size of `size` pixels: its own, with the resize margin in proportion. */
export function presetAt(config: Pick<Config, 'model' | 'imageSize'>, size?: number): Preset {
  const { preset } = modelInfo(config.model);
  const crop = size ?? (config.imageSize || preset.crop);
  return { ...preset, crop, resize: Math.round((crop * preset.resize) / preset.crop) };
}

/** The model of a configuration with a new head, channels-last on the device. No weights are loaded. */
export function buildModel(config: Config, numClasses: number, device: string): ImageModel {
  const model = createModel(config.model, { numClasses, seed: config.seed });
  const { headDropout, headHidden } = config;
  replaceHead(model, numClasses, {
    ...(headDropout >= 0 ? { dropout: headDropout } : {}),
    ...(headHidden > 0 ? { hidden: headHidden } : {}),
  });
  return nn.moveTo(model, { device, memoryFormat: 'channelsLast' });
}

/** Loads the initial weights of the backbone and reports their file. Returns its path, or null if there are none. */
export async function loadBackbone(
  model: ImageModel,
  config: Config,
  onEvent: (event: TrainEvent) => void,
): Promise<string | null> {
  if (config.weights === 'none') {
    onEvent({ type: 'note', text: 'No pretrained weights: training from scratch.' });
    return null;
  }
  const spec = modelInfo(config.model);
  const weights = config.weights === 'pretrained' ? spec.weights : config.weights;
  const onNote = (text: string) => onEvent({ type: 'note', text });
  const { path } = await loadPretrained(model, { ...spec, weights }, { onNote });
  onEvent({ type: 'note', text: `Backbone: ${config.model}, weights from ${path}` });
  return path;
}

/** Turns batches into input of the model. Its constants are on the device, so that a step uploads nothing but the images. */
export class ToInput {
  readonly #scale: Tensor;
  readonly #shift: Tensor;

  constructor(
    private readonly preset: Preset,
    private readonly device: string,
  ) {
    const channel = (values: readonly number[]) =>
      keep(scope(() => ops.reshape(tensor(values, { device }), [1, 3, 1, 1])));
    this.#scale = channel(preset.std.map((s) => 1 / (255 * s)));
    this.#shift = channel(preset.mean.map((m, c) => -m / preset.std[c]!));
  }

  /** The images of a batch: float32 [N,3,H,W], normalised, channels-last without a copy. */
  of({ pixels, labels }: Batch): Tensor {
    const shape = [labels.length, this.preset.crop, this.preset.crop, 3];
    const bytes = ops.permute(tensor(pixels, shape, { device: this.device }), [0, 3, 1, 2]);
    return ops.add_(ops.mul_(ops.to(bytes, { dtype: 'float32' }), this.#scale), this.#shift);
  }

  dispose(): void {
    this.#scale.dispose();
    this.#shift.dispose();
  }
}
