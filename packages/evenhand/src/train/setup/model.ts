import type { Preset } from '@evenhand/predict';
import { keep, nn, ops, scope, type Tensor, TorchError, tensor, Uploader } from '@evenhand/torch';
import type { Batch } from '../../data/index.js';
import {
  createModel,
  familyOf,
  type ImageModel,
  type LoadedWeights,
  loadPretrained,
  type ModelOptions,
  type ModelSpec,
  modelInfo,
  parseModelSpec,
  replaceHead,
  resolveModel,
} from '../../models/index.js';
import { RunError, type RunFolder } from '../../run/index.js';
import { ConfigError } from '../config/field.js';
import type { Config } from '../config/fields.js';
import type { TrainEvent } from '../events.js';

/** A preset at an image size of `size` pixels, with the resize margin in proportion; 0 leaves the size as it is. */
export function presetAt(preset: Preset, size: number): Preset {
  const crop = size || preset.crop;
  return { ...preset, crop, resize: Math.round((crop * preset.resize) / preset.crop) };
}

/**
 * The model with this name: see `resolveModel`.
 *
 * @throws ConfigError if there is no such model, WeightsError if the hub cannot be reached or refuses
 */
export async function findSpec(name: string, onEvent: (event: TrainEvent) => void = () => {}): Promise<ModelSpec> {
  try {
    return await resolveModel(name, { onNote: (text) => onEvent({ type: 'note', text }) });
  } catch (error) {
    throw error instanceof RangeError ? new ConfigError(error.message, { cause: error }) : error;
  }
}

/** @throws ConfigError if images are to grow during training, but the model has one image size */
export function requireGrowth(spec: ModelSpec, { startSize, imageSize }: Config): void {
  const { crop } = presetAt(spec.preset, imageSize);
  if (startSize === 0 || startSize >= crop || !familyOf(spec.architecture).fixedSize) return;
  throw new ConfigError(
    `startSize is ${startSize}, but images of ${spec.name} cannot grow during training, because its position embeddings are for one size (${crop} pixels): set startSize to 0`,
  );
}

/** The model that a run was trained with. Runs of version 0.1 have only its name, which is one of the catalogue. */
export function modelOfRun(folder: RunFolder, config: Config): ModelSpec {
  const recorded = folder.readModel();
  if (recorded === null) return modelInfo(config.model);
  const file = `${folder.path}/model.json`;
  try {
    const spec = parseModelSpec(recorded, file);
    familyOf(spec.architecture);
    return spec;
  } catch (error) {
    if (error instanceof TypeError) throw new RunError(error.message, { cause: error });
    if (error instanceof RangeError) throw new RunError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** As `createModel`, for options that a user gave. @throws ConfigError if one of them does not suit the architecture */
export function createFitting(spec: ModelSpec, options: ModelOptions): ImageModel {
  try {
    return createModel(spec, options);
  } catch (error) {
    throw error instanceof RangeError ? new ConfigError(error.message, { cause: error }) : error;
  }
}

/**
 * The model of a configuration with a new head, channels-last on the device. No weights are loaded.
 *
 * @throws ConfigError if the image size, the pool or an argument does not suit the architecture
 */
export function buildModel(spec: ModelSpec, config: Config, numClasses: number, device: string): ImageModel {
  const { pool, dropPath } = config;
  const model = createFitting(spec, {
    numClasses,
    seed: config.seed,
    imageSize: presetAt(spec.preset, config.imageSize).crop,
    ...(pool === 'auto' ? {} : { pool }),
    ...(dropPath >= 0 ? { dropPath } : {}),
  });
  giveNewHead(model, config, numClasses);
  return nn.moveTo(model, { device, memoryFormat: 'channelsLast' });
}

/** Gives the model a new head as the configuration describes it. */
export function giveNewHead(model: ImageModel, { headDropout, headHidden }: Config, numClasses: number): void {
  replaceHead(model, numClasses, {
    ...(headDropout >= 0 ? { dropout: headDropout } : {}),
    ...(headHidden > 0 ? { hidden: headHidden } : {}),
  });
}

/**
 * Loads the initial weights of the backbone. Returns where they are from, or null if there are none.
 *
 * @throws ConfigError if they belong to another model; else as `loadPretrained`
 */
export async function loadBackbone(
  model: ImageModel,
  spec: ModelSpec,
  config: Config,
  onEvent: (event: TrainEvent) => void,
): Promise<LoadedWeights | null> {
  if (config.weights === 'none') return null;
  const weights = config.weights === 'pretrained' ? spec.weights : config.weights;
  const onNote = (text: string) => onEvent({ type: 'note', text });
  return loadPretrained(model, { ...spec, weights }, { onNote }).catch((error: unknown) => {
    if (!(error instanceof TorchError && error.code === 'TORCH_BAD_ARGUMENT')) throw error;
    const what = config.weights === 'pretrained' ? `The weights of ${spec.name}: ` : '';
    throw new ConfigError(`${what}${error.message}; give weights of this size of ${spec.architecture}`, {
      cause: error,
    });
  });
}

/** Turns batches into input of the model. Its constants are on the device, so that a step uploads nothing but the images. */
export class ToInput {
  readonly #scale: Tensor;
  readonly #shift: Tensor;
  readonly #uploader: Uploader;

  constructor(
    private readonly preset: Preset,
    device: string,
  ) {
    this.#uploader = new Uploader(device);
    const channel = (values: readonly number[]) =>
      keep(scope(() => ops.reshape(tensor(values, { device }), [1, 3, 1, 1])));
    this.#scale = channel(preset.std.map((s) => 1 / (255 * s)));
    this.#shift = channel(preset.mean.map((m, c) => -m / preset.std[c]!));
  }

  /** The images of a batch, whose pixels may be overwritten at once: float32 [N,3,H,W], normalised, channels-last. */
  of({ pixels, labels }: Batch): Tensor {
    const shape = [labels.length, this.preset.crop, this.preset.crop, 3];
    const bytes = ops.permute(this.#uploader.upload(pixels, shape), [0, 3, 1, 2]);
    return ops.add_(ops.mul_(ops.to(bytes, { dtype: 'float32' }), this.#scale), this.#shift);
  }

  dispose(): void {
    this.#scale.dispose();
    this.#shift.dispose();
  }
}
