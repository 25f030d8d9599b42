import { nn } from '@evenhand/torch';
import type { ImageModel } from '../models/index.js';
import { averageOf, type Normalisation } from './ensemble.js';
import { foldBatchNorms } from './fold.js';
import { ExportError, type Graph } from './graph.js';
import { encodeOnnx } from './onnx.js';
import { traceGraph } from './trace.js';

export interface ExportOptions {
  /** Height and width of the input images in pixels. */
  readonly size: number;
  /** Keys and values that are written into the file. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Stores the weights as float16: half the file size, nearly the same logits. Computation stays in float32. */
  readonly half?: boolean;
  /** Version of evenhand, which is written into the file. */
  readonly version: string;
}

/**
 * Exports a model to the bytes of an ONNX file: `pixel_values` float32 [N,3,size,size], normalised by the model's preset,
 * to `logits` float32 [N,K], for any N. BatchNorms are folded into convolutions. The model's `forward` runs in
 * evaluation mode, and every operation is translated (`trace.ts`, `translate.ts`).
 *
 * @throws ExportError if an operation has no translation
 */
export function exportOnnx(
  model: ImageModel,
  { size, metadata = {}, half = false, version }: ExportOptions,
): Uint8Array {
  return encodeOnnx(graphOf(model, size), { metadata, half, producer: ['evenhand', version] });
}

/** A network of an ensemble, with the statistics by which its input is normalised. */
export interface EnsembleMember {
  readonly model: ImageModel;
  readonly normalisation: Normalisation;
}

/**
 * Exports several networks to the bytes of one ONNX file, whose logits are the mean over the first `members` of them, a
 * second input (int64 scalar, from 1 to their number). Those after it are not computed. `pixel_values` is normalised as the
 * first network expects it; the graph converts it for the others.
 *
 * @param members each is exported before the next one is taken, so that not all need to be in memory
 * @throws ExportError if an operation has no translation, or if the networks have different numbers of classes
 */
export function exportEnsemble(
  members: Iterable<EnsembleMember>,
  { size, metadata = {}, half = false, version }: ExportOptions,
): Uint8Array {
  const graphs = Array.from(members, ({ model, normalisation }) => ({ graph: graphOf(model, size), normalisation }));
  return encodeOnnx(averageOf(graphs), { metadata, half, producer: ['evenhand', version] });
}

function graphOf(model: ImageModel, size: number): Graph {
  const training = model.training;
  nn.setTraining(model, false);
  try {
    const graph = traceGraph((images) => model.forward(images), {
      names: ['pixel_values', 'logits'],
      shape: [3, size, size],
      parameters: nn.stateDict(model),
      device: nn.parameters(model)[0]!.device,
    });
    const [images, numClasses, ...more] = graph.outputShape;
    if (images !== 'N' || typeof numClasses !== 'number' || more.length > 0) {
      throw new ExportError(`The output of the model has the shape [${graph.outputShape}]; expected logits [N,K].`);
    }
    return foldBatchNorms(graph);
  } finally {
    nn.setTraining(model, training);
  }
}
