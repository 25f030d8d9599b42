import { nn, noGrad, ops, recordOps, scope } from '@evenhand/torch';
import type { ImageModel } from '../models/index.js';
import { foldBatchNorms } from './fold.js';
import { ExportError, type Graph, GraphBuilder } from './graph.js';
import { encodeOnnx } from './onnx.js';
import { translate } from './translate.js';

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
 * to `logits` float32 [N,K], for any N. BatchNorms are folded into convolutions. The model's `forward` runs once in
 * evaluation mode, and every operation is translated (`translate.ts`).
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
    const graph = foldBatchNorms(traceModel(model, size));
    return encodeOnnx(graph, { metadata, half, producer: ['evenhand', version] });
  } finally {
    nn.setTraining(model, training);
  }
}

function traceModel(model: ImageModel, size: number): Graph {
  const graph = new GraphBuilder(nn.stateDict(model));
  return scope(() =>
    noGrad(() => {
      const { device } = nn.parameters(model)[0]!;
      const images = ops.zeros([2, 3, size, size], { device });
      graph.bind(images, 'pixel_values');
      const logits = recordOps(
        (call) => translate(graph, call),
        () => model.forward(images),
      );
      const [, numClasses, ...more] = logits.shape;
      if (numClasses === undefined || more.length > 0) {
        throw new ExportError(`The output of the model has the shape [${logits.shape}]; expected logits [N,K].`);
      }
      const last = graph.nodes.at(-1);
      if (last?.output !== graph.nameOf(logits))
        throw new ExportError('The logits must be the last value that the model computes.');
      last.output = 'logits';
      return {
        nodes: graph.nodes,
        constants: graph.constants,
        input: 'pixel_values',
        inputShape: ['N', 3, size, size],
        output: 'logits',
        outputShape: ['N', numClasses],
      };
    }),
  );
}
