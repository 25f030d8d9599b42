import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  MOST_PROBABLE,
  type ModelMetadata,
  metadataEntries,
  type Preset,
  type ValidationScore,
} from '@evenhand/predict';
import { loadStateDict, nn, openWeights, TorchError, writeAtomically } from '@evenhand/torch';
import { exportOnnx } from '../export/index.js';
import { type FittedDecision, fitDecision, macroF1Interval } from '../metrics/index.js';
import { createModel, type ImageModel, modelInfo } from '../models/index.js';
import { predictionArrays, RunError, RunFolder, type ValidationPrediction, withLikelyLabels } from '../run/index.js';
import { buildModel, type Config, ConfigError, configOfRun, presetAt } from '../train/index.js';
import { version } from '../version.js';

/** What an export has written. */
export interface Exported {
  readonly path: string;
  readonly bytes: number;
  readonly metadata: ModelMetadata;
}

interface FileOptions {
  /** Where the model file goes. */
  readonly out: string;
  /** Stores the weights in 16 bits: half the file, nearly the same logits. */
  readonly half?: boolean;
}

export interface ExportRunOptions extends Partial<FileOptions> {
  /** The run folder; its best checkpoint is exported, to its `model.onnx` unless `out` names another file. */
  readonly run: string;
}

/**
 * Makes the best checkpoint of a run one ONNX file, with all in its metadata that prediction needs.
 *
 * The rule by which it answers is fitted on the validation logits of that checkpoint (see `fitDecision`).
 *
 * @throws RunError where there is no run or no checkpoint yet, ExportError where the model cannot be written as ONNX,
 * WeightsFileError where the file cannot be written
 */
export function exportRun({ run, out, half = false }: ExportRunOptions): Exported {
  const folder = RunFolder.open(run);
  const config = configOfRun(folder);
  const { dataset } = folder.readEnvironment();
  const { classes, classCounts, fingerprint } = dataset;
  if (!existsSync(folder.best)) {
    throw new RunError(`${run} has no checkpoint to export, because no epoch of it has ended: go on with it first`);
  }
  const { decision, validation } = judge(folder, classes, config);
  const metadata: ModelMetadata = {
    version: version(),
    model: config.model,
    classes,
    preset: presetAt(config),
    decision: decision?.rule ?? MOST_PROBABLE,
    classCounts: classCounts ?? null,
    config,
    dataFingerprint: fingerprint,
    validation,
  };
  const model = buildModel(config, classes.length, 'cpu');
  return write(model, folder.best, metadata, { out: out ?? folder.model, half });
}

export interface ExportWeightsOptions extends FileOptions {
  /** Name of the architecture. */
  readonly model: string;
  /** The weights: safetensors, or a `.pth` of PyTorch; torchvision's or timm's keys, head included. */
  readonly weights: string;
  /** [K] class names, in the order of the logits. */
  readonly labels: readonly string[];
  /** Pixels of a side that the model was trained on; the architecture's own where absent. */
  readonly imageSize?: number;
  /** How images become its input; the architecture's own where absent. */
  readonly preset?: Preset;
}

/**
 * Makes weights that were trained anywhere one ONNX file, as `exportRun` does.
 *
 * @throws RangeError for an unknown architecture, WeightsFileError where the weights cannot be read or the file cannot be
 * written, ConfigError where they are of another model or number of classes
 */
export function exportWeights(options: ExportWeightsOptions): Exported {
  const { model: name, weights, labels, imageSize = 0, out, half = false } = options;
  if (labels.length < 1) throw new ConfigError('There are no labels; a model needs one for each of its classes');
  modelInfo(name);
  const metadata: ModelMetadata = {
    version: version(),
    model: name,
    classes: labels,
    preset: options.preset ?? presetAt({ model: name, imageSize } as Parameters<typeof presetAt>[0]),
    decision: MOST_PROBABLE,
    classCounts: null,
    config: null,
    dataFingerprint: null,
    validation: null,
  };
  return write(createModel(name, { numClasses: labels.length }), weights, metadata, { out, half });
}

function write(
  model: ImageModel,
  weights: string,
  metadata: ModelMetadata,
  { out, half = false }: FileOptions,
): Exported {
  try {
    loadWeights(model, weights, metadata);
    const bytes = exportOnnx(model, {
      size: metadata.preset.crop,
      metadata: metadataEntries(metadata),
      half,
      version: metadata.version,
    });
    if (!existsSync(dirname(out))) throw new ConfigError(`${out}: there is no folder ${dirname(out)} to write it in`);
    writeAtomically(out, (append) => append(bytes));
    return { path: out, bytes: bytes.length, metadata };
  } finally {
    nn.disposeModule(model);
  }
}

/** @throws ConfigError where the weights are of another model or number of classes: whoever named both can mend it */
function loadWeights(model: ImageModel, weights: string, { model: name, classes }: ModelMetadata): void {
  const file = openWeights(weights);
  try {
    loadStateDict(model, file);
  } catch (error) {
    if (!(error instanceof TorchError && error.code === 'TORCH_BAD_ARGUMENT')) throw error;
    const expected = `expected the weights of ${name} with a head of ${classes.length} classes`;
    throw new ConfigError(`${error.message}; ${expected}: check the labels and the model`, { cause: error });
  } finally {
    file.close();
  }
}

/** Where wrong labels were found among the validation images, a rule is fitted to the most probable ones. */
function likelyLabels(folder: RunFolder, rows: readonly ValidationPrediction[]): readonly ValidationPrediction[] {
  const best = folder.readEpochs().findLast((epoch) => epoch.best);
  if (best?.macroF1Posterior === undefined) return rows;
  return withLikelyLabels(rows, folder.readLabels());
}

/** How the model answers best, and its honest score on the validation images; null of both where there are none. */
function judge(
  folder: RunFolder,
  classes: readonly string[],
  { seed }: Config,
): { decision: FittedDecision | null; validation: ValidationScore | null } {
  const given = folder.readPredictions();
  if (given.length === 0) return { decision: null, validation: null };
  const numClasses = classes.length;
  const rows = likelyLabels(folder, given);
  const { truth, logits } = predictionArrays(rows, classes);
  const decision = fitDecision(logits, truth, numClasses, seed);
  const { value, low, high } = macroF1Interval(truth, decision.predicted, numClasses, { average: 'all', seed });
  return { decision, validation: { images: rows.length, macroF1: value, low, high } };
}
