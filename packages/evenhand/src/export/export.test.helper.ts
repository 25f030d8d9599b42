// Runs small computations in libtorch and, after export, in ONNX Runtime.
import assert from 'node:assert/strict';
import { nn, noGrad, scope, type Tensor, tensor } from '@evenhand/torch';
import { InferenceSession, Tensor as OnnxTensor } from 'onnxruntime-node';
import { Random } from '../random.js';
import { foldBatchNorms } from './fold.js';
import type { Graph } from './graph.js';
import { encodeOnnx } from './onnx.js';
import { traceGraph } from './trace.js';

export type Computation = (x: Tensor) => Tensor;

/** Normally distributed values, the same for the same seed. */
export function values(shape: readonly number[], seed = 0, scale = 1): Float32Array {
  const random = new Random(seed, shape.length);
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => scale * random.normal());
}

/** A constant of a computation. */
export const constant = (shape: number[], seed = 1): Tensor => nn.buffer(tensor(values(shape, seed), shape));

/** The graph of a computation of x [N,...rest]. */
export const traced = (computation: Computation, rest: readonly number[]): Graph =>
  traceGraph(computation, { names: ['x', 'y'], shape: rest, parameters: new Map() });

export interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Runs an ONNX file with each input and returns its first outputs. @param members the second input of an ensemble */
export async function runOnnx(bytes: Uint8Array, inputs: readonly Values[], members?: number): Promise<Values[]> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 });
  const outputs: Values[] = [];
  try {
    for (const { shape, data } of inputs) {
      const feeds: Record<string, OnnxTensor> = { [session.inputNames[0]!]: new OnnxTensor('float32', data, shape) };
      if (members !== undefined) {
        feeds[session.inputNames[1]!] = new OnnxTensor('int64', BigInt64Array.of(BigInt(members)), []);
      }
      const results = await session.run(feeds);
      const result = results[session.outputNames[0]!]!;
      outputs.push({ shape: result.dims, data: result.data as Float32Array });
    }
    return outputs;
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

/** Compares a computation in libtorch with its graph in ONNX Runtime, for one image and for three. */
export async function assertTranslated(
  computation: Computation,
  rest: readonly number[],
  what: string,
  fold: (graph: Graph) => Graph = foldBatchNorms,
): Promise<Graph> {
  const graph = fold(traced(computation, rest));
  await assertGraph(graph, computation, rest, what);
  return graph;
}

/** Compares a computation in libtorch with a graph in ONNX Runtime, for one image and for three. */
export async function assertGraph(
  graph: Graph,
  computation: Computation,
  rest: readonly number[],
  what: string,
): Promise<void> {
  const inputs = [1, 3].map((count) => ({ shape: [count, ...rest], data: values([count, ...rest], 100 + count, 4) }));
  const outputs = await runOnnx(encodeOnnx(graph, FILE), inputs);
  for (const [i, x] of inputs.entries()) {
    assertEqual(outputs[i]!, runTorch(computation, x), `${what} of ${x.shape[0]}`);
  }
}
