import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  MOST_PROBABLE,
  type ModelMetadata,
  metadataEntries,
  type Preset,
  type ValidationScore,
} from '@evenhand/predict';
import { nn, TorchError, writeAtomically } from '@evenhand/torch';
import { exportOnnx } from '../export/index.js';
import { type FittedDecision, fitDecision, macroF1Interval } from '../metrics/index.js';
import { type ImageModel, loadPublished, type ModelSpec } from '../models/index.js';
import {
  expectedClassCounts,
  predictionArrays,
  RunError,
  RunFolder,
  type ValidationPrediction,
  withLikelyLabels,
} from '../run/index.js';
import { buildModel, ConfigError, configOfRun, createFitting, findSpec, modelOfRun, presetAt } from '../train/index.js';
import { version } from '../version.js';

/** The result of an export. */
export interface Exported {
  readonly path: string;
  readonly bytes: number;
  readonly metadata: ModelMetadata;
  /** What differs from the runs, in one sentence; absent if nothing does. */
  readonly note?: string;
}

export interface FileOptions {
  /** Path of the model file. */
  readonly out: string;
  /** Stores the weights as float16: half the file size, nearly the same logits. */
  readonly half?: boolean;
}

export interface ExportRunOptions extends Partial<FileOptions> {
  /** The run folder. Its best checkpoint is exported, by default to `model.onnx` in it. */
  readonly run: string;
  /** Predictions to which the decision rule is fitted. Default: those of the run, with likely labels. */
  readonly rows?: readonly ValidationPrediction[];
}

/**
 * Exports the best checkpoint of a run to one ONNX file, with everything in its metadata that prediction needs. The
 * decision rule is fitted to the validation logits of the checkpoint (see `fitDecision`).
 *
 * @throws RunError if there is no run or no checkpoint yet, ExportError if the model cannot be exported, WeightsFileError
 * if the file cannot be written
 */
export function exportRun({ run, out, half = false, rows }: ExportRunOptions): Exported {
  const folder = RunFolder.open(run);
  const config = configOfRun(folder);
  const { dataset } = folder.readEnvironment();
  const { classes, classCounts, fingerprint } = dataset;
  if (!existsSync(folder.best)) {
    throw new RunError(`${run} has no checkpoint to export, because no epoch has ended yet: continue the run first`);
  }
  const spec = modelOfRun(folder, config);
  const { decision, validation } = judge(rows ?? likelyLabels(folder, folder.readPredictions()), {
    classes,
    trainingCounts: expectedClassCounts(dataset, folder.readLabels()),
    seed: config.seed,
  });
  const metadata: ModelMetadata = {
    version: version(),
    model: config.model,
    classes,
    preset: presetAt(spec.preset, config.imageSize),
    decision: decision?.rule ?? MOST_PROBABLE,
    classCounts: classCounts ?? null,
    config,
    dataFingerprint: fingerprint,
    validation,
    ...(spec.license === null ? {} : { license: spec.license }),
  };
  const model = buildModel(spec, config, classes.length, 'cpu');
  return write(model, null, folder.best, metadata, { out: out ?? folder.model, half });
}

export interface ExportWeightsOptions extends FileOptions {
  /** Name of the architecture. */
  readonly model: string;
  /**
   * The weights including the head, for features pooled as in torchvision or timm, with the keys of one of them: safetensors
   * or a `.pth` of PyTorch.
   */
  readonly weights: string;
  /** [K] class names, in the order of the logits. */
  readonly labels: readonly string[];
  /** Side length of the training images in pixels. Default: that of the architecture. */
  readonly imageSize?: number;
  /** Preprocessing. Default: that of the architecture. */
  readonly preset?: Preset;
}

/**
 * Exports weights from any training to one ONNX file, as `exportRun` does.
 *
 * @throws RangeError if the architecture is unknown, WeightsFileError if the weights cannot be read or the file cannot be
 * written, ConfigError if the weights belong to another model or number of classes
 */
export async function exportWeights(options: ExportWeightsOptions): Promise<Exported> {
  const { model: name, weights, labels, imageSize = 0, out, half = false } = options;
  if (labels.length < 1) throw new ConfigError('There are no labels; expected one for each class of the model');
  const found = await findSpec(name);
  // Heads of other programs are for timm's pool, which is never this one.
  const spec = found.pool === 'token+avg' ? { ...found, pool: null } : found;
  const preset = options.preset ?? presetAt(spec.preset, imageSize);
  const metadata: ModelMetadata = {
    version: version(),
    model: name,
    classes: labels,
    preset,
    decision: MOST_PROBABLE,
    classCounts: null,
    config: null,
    dataFingerprint: null,
    validation: null,
  };
  return write(createFitting(spec, { numClasses: labels.length, imageSize: preset.crop }), spec, weights, metadata, {
    out,
    half,
  });
}

/** @param spec that of weights from elsewhere; null for those of a run, which have the keys of the model */
function write(
  model: ImageModel,
  spec: ModelSpec | null,
  weights: string,
  metadata: ModelMetadata,
  { out, half = false }: FileOptions,
): Exported {
  try {
    loadWeights(model, spec, weights, metadata);
    const bytes = exportOnnx(model, {
      size: metadata.preset.crop,
      metadata: metadataEntries(metadata),
      half,
      version: metadata.version,
    });
    return writeFile(out, bytes, metadata);
  } finally {
    nn.disposeModule(model);
  }
}

/** @throws ConfigError if there is no folder for the file */
export function writeFile(out: string, bytes: Uint8Array, metadata: ModelMetadata): Exported {
  if (!existsSync(dirname(out))) throw new ConfigError(`${out}: there is no folder ${dirname(out)} to write it in`);
  writeAtomically(out, (append) => append(bytes));
  return { path: out, bytes: bytes.length, metadata };
}

/**
 * Loads all weights of a model, including the head.
 *
 * @param spec that of weights from elsewhere; null for those of a run
 * @throws ConfigError if the weights belong to another model or number of classes
 */
export function loadWeights(
  model: ImageModel,
  spec: ModelSpec | null,
  weights: string,
  { model: name, classes }: Pick<ModelMetadata, 'model' | 'classes'>,
): void {
  try {
    loadPublished(model, spec ?? {}, weights);
  } catch (error) {
    if (!(error instanceof TorchError && error.code === 'TORCH_BAD_ARGUMENT')) throw error;
    const expected = `expected the weights of ${name} with a head of ${classes.length} classes`;
    throw new ConfigError(`${error.message}; ${expected}: check the labels and the model`, { cause: error });
  }
}

/** Replaces validation labels with the most probable ones if label errors were found among them. */
export function likelyLabels(
  folder: RunFolder,
  rows: readonly ValidationPrediction[],
): readonly ValidationPrediction[] {
  const best = folder.readEpochs().findLast((epoch) => epoch.best);
  if (best?.macroF1Posterior === undefined) return rows;
  return withLikelyLabels(rows, folder.readLabels());
}

/** Fits the decision rule and scores it on validation images by cross-validation; null if there are none. */
export function judge(
  rows: readonly ValidationPrediction[],
  {
    classes,
    trainingCounts,
    seed,
  }: { readonly classes: readonly string[]; readonly trainingCounts: readonly number[] | null; readonly seed: number },
): { decision: FittedDecision | null; validation: ValidationScore | null } {
  if (rows.length === 0) return { decision: null, validation: null };
  const numClasses = classes.length;
  const { truth, logits } = predictionArrays(rows, classes);
  const decision = fitDecision(logits, truth, numClasses, seed, trainingCounts);
  const { value, low, high } = macroF1Interval(truth, decision.predicted, numClasses, { average: 'all' });
  return { decision, validation: { images: rows.length, macroF1: value, low, high } };
}
