import { nn } from '@evenhand/torch';
import type { ImageModel } from '../models/index.js';
import { foldBatchNorms } from './fold.js';
import { ExportError } from './graph.js';
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
    return encodeOnnx(foldBatchNorms(graph), { metadata, half, producer: ['evenhand', version] });
  } finally {
    nn.setTraining(model, training);
  }
}
