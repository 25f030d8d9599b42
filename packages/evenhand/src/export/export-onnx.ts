import { nn, noGrad, ops, recordOps, scope } from '@evenhand/torch';
import type { ImageModel } from '../models/index.js';
import { foldBatchNorms } from './fold.js';
import { ExportError, type Graph, GraphBuilder } from './graph.js';
import { encodeOnnx } from './onnx.js';
import { translate } from './translate.js';

export interface ExportOptions {
  /** Height and width in pixels of the images that the model will be given. */
  readonly size: number;
  /** Written into the file beside the model, keys and values. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Stores the weights in 16 bits: half the file, nearly the same logits. The computation stays in 32 bits. */
  readonly half?: boolean;
  /** Version of the program that writes the file. */
  readonly version: string;
}

/**
 * A model as the bytes of an ONNX file: `pixel_values` float32 [N,3,size,size], normalised by the model's preset, to
 * `logits` float32 [N,K]; N is free. BatchNorm is part of the convolutions. Any model of operations that have a
 * translation (`translate.ts`) can be exported: its `forward` runs once, in evaluation mode, and is written down.
 *
 * @throws ExportError for an operation without a translation
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
        throw new ExportError(`The model gives [${logits.shape}], and logits are [N,K].`);
      }
      const last = graph.nodes.at(-1);
      if (last?.output !== graph.nameOf(logits))
        throw new ExportError('The logits are not what the model computes last.');
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
