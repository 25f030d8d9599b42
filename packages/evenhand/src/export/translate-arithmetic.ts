import { ops } from '@evenhand/torch';
import { ExportError } from './graph.js';
import { identity, int, ints, named, type Translation, unary } from './translation.js';

const binary =
  (op: string): Translation =>
  (graph, [a, b], { args }) => {
    const { alpha = 1 } = (args[2] ?? {}) as { alpha?: number };
    if (alpha !== 1)
      throw new ExportError(`${op} with alpha ${alpha} cannot be exported: multiply before the operation.`);
    return graph.node(op, [named(graph, a), named(graph, b)]);
  };

/** Additions have a factor for the scalar, `alpha`, as the next argument. */
const scalar =
  (op: string): Translation =>
  (graph, [a, b, alpha = 1]) =>
    graph.node(op, [named(graph, a), graph.scalar(Number(b) * Number(alpha))]);

const rsqrt: Translation = (graph, [x]) => graph.node('Reciprocal', [graph.node('Sqrt', [named(graph, x)])]);

function axesOf(dims: unknown, what: string): number[] {
  const axes = dims === null || dims === undefined ? [] : ([dims].flat() as number[]);
  if (axes.length > 0) return axes;
  throw new ExportError(`A ${what} over all dimensions cannot be exported, because it mixes images.`);
}

const reduce =
  (op: string, what: string): Translation =>
  (graph, [x, dims, keep = false]) => {
    const axes = axesOf(dims, what);
    return graph.node(op, [named(graph, x)], { axes: ints(axes), keepdims: int(keep ? 1 : 0) });
  };

/** In opset 17 it alone has the dimensions as an input. */
const sumDim: Translation = (graph, [x, dims, keep = false]) =>
  graph.node('ReduceSum', [named(graph, x), graph.integers(axesOf(dims, 'sum'))], { keepdims: int(keep ? 1 : 0) });

const vectorNorm: Translation = (graph, [x, ord = 2, dims, keep], call) => {
  if (ord !== 2) throw new ExportError(`A vector norm of order ${ord} cannot be exported, only of order 2.`);
  return reduce('ReduceL2', 'norm')(graph, [x, dims, keep], call);
};

const to: Translation = (graph, args) => {
  const { dtype = 'float32' } = (args[1] ?? {}) as { dtype?: string };
  if (dtype !== 'float32') throw new ExportError(`A conversion to ${dtype} cannot be exported.`);
  return identity(graph, args);
};

/** Operations on numbers, products of matrices and reductions. An in-place operation is translated like the other one. */
export const arithmeticTranslations: readonly [schema: string, Translation][] = [
  [ops.add.schema, binary('Add')],
  [ops.add_.schema, binary('Add')],
  [ops.sub.schema, binary('Sub')],
  [ops.mul.schema, binary('Mul')],
  [ops.mul_.schema, binary('Mul')],
  [ops.div.schema, binary('Div')],
  [ops.div_.schema, binary('Div')],
  [ops.matmul.schema, binary('MatMul')],
  [ops.bmm.schema, binary('MatMul')],
  [ops.addScalar.schema, scalar('Add')],
  [ops.addScalar_.schema, scalar('Add')],
  [ops.subScalar.schema, scalar('Sub')],
  [ops.mulScalar.schema, scalar('Mul')],
  [ops.mulScalar_.schema, scalar('Mul')],
  [ops.divScalar.schema, scalar('Div')],
  [ops.pow.schema, scalar('Pow')],
  [ops.neg.schema, unary('Neg')],
  [ops.sqrt.schema, unary('Sqrt')],
  [ops.rsqrt.schema, rsqrt],
  [ops.sumDim.schema, sumDim],
  [ops.meanDim.schema, reduce('ReduceMean', 'mean')],
  [ops.amax.schema, reduce('ReduceMax', 'maximum')],
  [ops.vectorNorm.schema, vectorNorm],
  [ops.to.schema, to],
  [ops.contiguous.schema, identity],
  [ops.clone.schema, identity],
  [ops.detach.schema, identity],
];
