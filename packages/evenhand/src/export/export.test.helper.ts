// Runs small computations in libtorch and, after export, in ONNX Runtime.
import assert from 'node:assert/strict';
import { nn, noGrad, recordOps, scope, type Tensor, tensor } from '@evenhand/torch';
import { InferenceSession, Tensor as OnnxTensor } from 'onnxruntime-node';
import { Random } from '../random.js';
import { foldBatchNorms } from './fold.js';
import { type Graph, GraphBuilder } from './graph.js';
import { encodeOnnx } from './onnx.js';
import { translate } from './translate.js';

export type Computation = (x: Tensor) => Tensor;

/** Normally distributed values, the same for the same seed. */
export function values(shape: readonly number[], seed = 0, scale = 1): Float32Array {
  const random = new Random(seed, shape.length);
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => scale * random.normal());
}

/** A constant of a computation. */
export const constant = (shape: number[], seed = 1): Tensor => nn.buffer(tensor(values(shape, seed), shape));

/** The graph of a computation of x [2,...rest]; the first dimension is free. */
export function traced(computation: Computation, rest: readonly number[]): Graph {
  const graph = new GraphBuilder(new Map());
  return scope(() =>
    noGrad(() => {
      const shape = [2, ...rest];
      const x = tensor(values(shape), shape);
      graph.bind(x, 'x');
      const y = recordOps(
        (call) => translate(graph, call),
        () => computation(x),
      );
      return {
        nodes: graph.nodes,
        constants: graph.constants,
        input: 'x',
        inputShape: ['N', ...rest],
        output: graph.nameOf(y),
        outputShape: ['N', ...y.shape.slice(1)],
      };
    }),
  );
}

export interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Runs an ONNX file with one input and returns its first output. */
export async function runOnnx(bytes: Uint8Array, { shape, data }: Values): Promise<Values> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  try {
    const results = await session.run({ [session.inputNames[0]!]: new OnnxTensor('float32', data, shape) });
    const result = results[session.outputNames[0]!]!;
    return { shape: result.dims, data: result.data as Float32Array };
  } finally {
    await session.release();
  }
}

export function runTorch(computation: Computation, { shape, data }: Values): Values {
  return scope(() =>
    noGrad(() => {
      const y = computation(tensor(data, [...shape]));
      return { shape: y.shape, data: y.toArray(new Float32Array(y.numel)) };
    }),
  );
}

/** Asserts that shapes are equal, and values within `tolerance` of the largest magnitude. */
export function assertEqual(actual: Values, expected: Values, what: string, tolerance = 1e-5): void {
  assert.deepEqual(actual.shape, expected.shape, what);
  const scale = expected.data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  assert.ok(scale > 0.01, `${what}: all values are near 0, so the comparison means nothing`);
  const off = expected.data.reduce((most, x, i) => Math.max(most, Math.abs(x - actual.data[i]!)), 0);
  assert.ok(off <= tolerance * scale, `${what}: off by ${off} of ${scale}`);
}

const FILE = { metadata: {}, half: false, producer: ['test', '0'] } as const;

/** Compares a computation in libtorch with its graph in ONNX Runtime, for other batch sizes than in the trace. */
export async function assertTranslated(
  computation: Computation,
  rest: readonly number[],
  what: string,
  fold: (graph: Graph) => Graph = foldBatchNorms,
): Promise<Graph> {
  const graph = fold(traced(computation, rest));
  const bytes = encodeOnnx(graph, FILE);
  for (const count of [1, 3]) {
    const shape = [count, ...rest];
    const x = { shape, data: values(shape, 100 + count, 4) };
    assertEqual(await runOnnx(bytes, x), runTorch(computation, x), `${what} of ${count}`);
  }
  return graph;
}
